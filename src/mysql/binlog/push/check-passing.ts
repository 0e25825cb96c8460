/** What a binary log passes on its way to the storage: it is checked, and its end held back until it may appear there. */
import type { Stage } from '../../../bytes/stage.ts';
import { CorruptError, messageOf } from '../../../errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import { BinlogEndsEarlyError } from '../events/errors.ts';
import { BinlogSummarizer, type BinlogSummary } from '../events/summarize.ts';
import type { BinlogHead } from './binlog-head.ts';
import { checkSequence } from './neighbours.ts';

/** A binary log and its beginning. */
export interface KnownBinlog {
  readonly name: string;
  readonly head: BinlogHead;
}

/** Beginnings by name. */
export interface Heads {
  of(name: string): KnownBinlog | undefined;
  /** Of the one that follows it on the server. */
  after(name: string): KnownBinlog | undefined;
}

/** What to check against. */
export interface PassingOptions {
  readonly binlog: KnownBinlog & { readonly sizeBytes: number };
  /** The one that follows it: what it begins after is what this one ends with. */
  readonly next: KnownBinlog;
  /** Its last bytes go on only then; called when they are about to. */
  readonly turn: () => Promise<unknown>;
  /** What contradicts the sequence is told only. */
  readonly acceptGap: boolean;
  readonly logger: Logger;
}

/** Makes the stage; it ends with CorruptError (BinlogSequenceError and others), or with what `turn` rejects with. */
export function checkPassing(options: PassingOptions): Stage {
  const { name, head, sizeBytes } = options.binlog;
  return async function* (source) {
    const summarizer = head.isEncrypted ? undefined : new BinlogSummarizer(name);
    let position = 0;
    for await (const chunk of source) {
      summarizer?.add(chunk);
      position += chunk.length;
      if (position === sizeBytes) {
        if (summarizer !== undefined) checkEnd(summarizer, options);
        await options.turn();
      }
      yield chunk;
    }
    if (position === 0) summarizer?.finish();
  };
}

function checkEnd(summarizer: BinlogSummarizer, { binlog, next, acceptGap, logger }: PassingOptions): void {
  const { name, head } = binlog;
  const summary = finished(summarizer, { name, next, logger });
  try {
    if (summary.closedBy === undefined && !next.head.followsStart) throw notClosed(name, next.name);
    const { serverId } = head;
    checkSequence({ name, serverId, previousGtids: summary.previousGtids, summary }, next);
  } catch (error) {
    if (!acceptGap) throw error;
    logger.warn('binary logs do not follow one another, archiving them all the same', { reason: messageOf(error) });
  }
}

/** The last event of a server that crashed may be torn; nobody has seen its transaction. */
function finished(
  summarizer: BinlogSummarizer,
  { name, next, logger }: Pick<PassingOptions, 'next' | 'logger'> & { readonly name: string },
): BinlogSummary {
  try {
    return summarizer.finish();
  } catch (error) {
    if (!(error instanceof BinlogEndsEarlyError && next.head.followsStart)) throw error;
    logger.warn('binary log ends in the midst of an event, where its server crashed', {
      name,
      position: error.position,
    });
    return summarizer.finish({ mayBeCut: true });
  }
}

function notClosed(name: string, next: string): CorruptError {
  return new CorruptError(`"${name}" is not closed, although "${next}" follows it`, {
    hint: 'Its copy may not be complete yet: push it again later. If the server has it like this, go on with --accept-gap.',
  });
}
