/**
 * Gets files onto the disk while the thread that wrote them goes on: the flushing is done by Node's own threads, several
 * files at once.
 */
import { closeSync, fdatasync, fsync, fsyncSync } from 'node:fs';

/** Files on their way to the disk. */
export interface Flusher {
  /** Starts to flush a file that is still being written, unless that is going on already. */
  begin(file: FlushedFile): void;
  /** Takes over a finished file: flushes and closes it. @throws the system's error when there are too many on their way */
  finish(file: FlushedFile): void;
  /** Closes a file that is given up. */
  discard(file: FlushedFile): void;
  /** Waits until all files are on disk. @throws FlushError for the first that failed */
  drained(): Promise<void>;
}

/** An open file. */
export interface FlushedFile {
  readonly fd: number;
  readonly path: string;
}

/** A file could not be flushed; the cause is the system's error. */
export class FlushError extends Error {
  readonly path: string;
  constructor(path: string, cause: Error) {
    super(cause.message, { cause });
    this.path = path;
  }
}

/** So many files may be open and on their way. */
const mostPending = 32;

/** Makes a flusher. */
export function createFlusher(): Flusher {
  /** What runs on an open file; it must not be closed meanwhile. */
  const running = new Map<number, Promise<void>>();
  const pending = new Set<Promise<void>>();
  let failure: FlushError | undefined;

  function run(operation: typeof fsync, { fd, path }: FlushedFile): Promise<void> {
    return new Promise((resolve) => {
      operation(fd, (error) => {
        // The system tells a failure once: a later fsync of the same file would succeed.
        if (error !== null) failure ??= new FlushError(path, error);
        resolve();
      });
    });
  }

  function afterwards(file: FlushedFile, act: () => Promise<void> | undefined): void {
    const before = running.get(file.fd) ?? Promise.resolve();
    const done = before.then(act).then(() => {
      closeSync(file.fd);
      pending.delete(done);
    });
    pending.add(done);
  }

  return {
    begin(file) {
      if (running.has(file.fd)) return;
      running.set(
        file.fd,
        run(fdatasync, file).then(() => {
          running.delete(file.fd);
        }),
      );
    },
    finish(file) {
      if (pending.size >= mostPending && !running.has(file.fd)) {
        fsyncSync(file.fd);
        closeSync(file.fd);
        return;
      }
      afterwards(file, () => run(fsync, file));
    },
    discard(file) {
      if (running.has(file.fd)) afterwards(file, () => undefined);
      else closeSync(file.fd);
    },
    async drained() {
      await Promise.all(pending);
      if (failure !== undefined) throw failure;
    },
  };
}
