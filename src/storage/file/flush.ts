/**
 * Brings what was written to the disk, off the event loop: it may take seconds, in which other uploads and signals go on.
 * Of a big object it begins while the rest is still being written, so that little is left to wait for at the end, and no
 * heap of dirty pages builds up beside the database.
 */
import { fdatasync, fsync } from 'node:fs';

const stepBytes = 32 * 1024 * 1024;

/** The flushes of one file being written. They run one at a time. */
export class Flush {
  readonly #descriptor: number;
  #unflushedBytes = 0;
  #running: Promise<void> | undefined;
  // The system reports a lost write only once: to the flush that met it.
  #failure: Error | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** To be called after each write; starts a flush when enough has come together. Throws what an earlier one met. */
  written(bytes: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#unflushedBytes += bytes;
    if (this.#unflushedBytes < stepBytes || this.#running !== undefined) return;
    this.#unflushedBytes = 0;
    this.#running = call(fdatasync, this.#descriptor)
      .catch((error: unknown) => {
        this.#failure = error as Error;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when all that was written, and the file's size and times, are durable. */
  async finish(): Promise<void> {
    await this.idle();
    if (this.#failure !== undefined) throw this.#failure;
    await call(fsync, this.#descriptor);
  }

  /** Resolves when no flush runs: before that the file must not be closed. */
  async idle(): Promise<void> {
    await this.#running;
  }
}

type SystemCall = (descriptor: number, callback: (error: NodeJS.ErrnoException | null) => void) => void;

function call(flush: SystemCall, descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    flush(descriptor, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
