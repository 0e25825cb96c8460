/** Gets the next binary logs while one is applied. */
import { join } from 'node:path';
import { removeQuietly } from '../../../platform/files.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { RangeCursor } from '../range/cursor.ts';
import type { RangeStep } from '../range/plan.ts';
import { stageBinlog, type StagedBinlog } from '../range/stage-binlog.ts';

/** WAL-G's measure: two beside the one that is applied. */
const mostAhead = 2;

/** What is needed for it. */
export interface StageAheadOptions {
  readonly steps: readonly RangeStep[];
  readonly cursor: RangeCursor;
  readonly folder: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** A binary log that is ready. */
export interface ReadyBinlog {
  readonly staged: StagedBinlog;
  readonly path: string;
}

/**
 * Stages the steps one after another, a few ahead; ends behind the target. Each file is removed when the next one is asked
 * for, and all of them in the end.
 *
 * @throws as `stageBinlog`, in the place of the binary log that failed
 */
export async function* stageAhead(options: StageAheadOptions): AsyncGenerator<ReadyBinlog> {
  const { steps, cursor, folder, logger, onBytes } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const waiting = steps.values();
  const ahead: Promise<ReadyBinlog | undefined>[] = [];
  let previous: Promise<unknown> = Promise.resolve();

  function begin(): void {
    const next = waiting.next();
    if (next.done === true) return;
    const step = next.value;
    const path = join(folder, step.binlog.name);
    const staging = previous.then(async () => {
      signal.throwIfAborted();
      if (cursor.isBehind) return undefined;
      return { staged: await stageBinlog(step, { cursor, path, logger, signal, onBytes }), path };
    });
    staging.catch(() => undefined);
    previous = staging;
    ahead.push(staging);
  }

  try {
    for (let count = 0; count <= mostAhead; count++) begin();
    for (let staging = ahead.shift(); staging !== undefined; staging = ahead.shift()) {
      const ready = await staging;
      if (ready === undefined) return;
      try {
        yield ready;
      } finally {
        removeQuietly(ready.path);
      }
      begin();
    }
  } finally {
    stop.abort(new Error('not needed any more'));
    for (const result of await Promise.allSettled(ahead)) {
      if (result.status === 'fulfilled' && result.value !== undefined) removeQuietly(result.value.path);
    }
  }
}
