/** Archives other ready files while the one that was asked for is on its way (`postgres-commands.md` 7.2). */
import { messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';

/** What to do beside the main file. */
export interface BackgroundOptions {
  /** The file that is archived in the foreground. */
  readonly mainName: string;
  /** At once; 0 turns it off. */
  readonly workers: number;
  /** In all. */
  readonly limit: number;
  /** Candidates now, best first; names may come twice, here and at the next call. */
  readonly candidates: () => Iterable<string>;
  /** Archives one file durably and notes it. */
  readonly archive: (name: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Uploads in progress. */
export interface BackgroundUploads {
  /** Starts nothing more and waits for what is running; never rejects. @returns how many files were archived */
  finish(): Promise<number>;
}

const lookAgainMs = 100;

/** Starts; each file is tried once. Failures are warnings: the server asks for the file itself in time. */
export function startBackground(options: BackgroundOptions): BackgroundUploads {
  const { workers, limit, clock, logger, signal } = options;
  const started = new Set([options.mainName]);
  const running = new Set<Promise<void>>();
  const stop = new AbortController();
  const ending = AbortSignal.any([stop.signal, signal]);
  let archived = 0;

  async function archive(name: string): Promise<void> {
    try {
      await options.archive(name);
      archived += 1;
    } catch (error) {
      if (!signal.aborted) logger.warn('cannot archive in the background', { name, reason: messageOf(error) });
    }
  }

  async function startReady(): Promise<void> {
    for (const name of options.candidates()) {
      if (ending.aborted || archived + running.size >= limit) return;
      if (started.has(name)) continue;
      started.add(name);
      const upload = archive(name).finally(() => running.delete(upload));
      running.add(upload);
      if (running.size >= workers) await Promise.race(running);
    }
  }

  async function run(): Promise<void> {
    // The main file goes first.
    await Promise.resolve();
    while (!ending.aborted && archived < limit) {
      await startReady();
      await clock.sleep(lookAgainMs, ending).catch(() => undefined);
    }
  }

  const scanning = workers < 1 || limit < 1 ? Promise.resolve() : run();
  return {
    async finish() {
      stop.abort();
      await scanning.catch((error: unknown) => {
        logger.warn('cannot look for more to archive', { reason: messageOf(error) });
      });
      await Promise.all(running);
      return archived;
    },
  };
}
