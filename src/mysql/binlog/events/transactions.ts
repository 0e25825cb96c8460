/** The transactions of a binary log, one after another. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { readEvents, type ReadEventsOptions } from './read-events.ts';
import { TransactionTracker, transactionEventTypes, type BinlogTransaction } from './transaction-tracker.ts';

/**
 * Reads the transactions of a file, whose events are all checked. The last one may be incomplete: a server crashed in the
 * midst of it.
 *
 * @throws as `readEvents`
 */
export async function* readTransactions(
  source: ByteSource,
  options: Omit<ReadEventsOptions, 'wanted'>,
): AsyncGenerator<BinlogTransaction> {
  const tracker = new TransactionTracker();
  for await (const event of readEvents(source, { ...options, wanted: transactionEventTypes }))
    yield* tracker.add(event);
  yield* tracker.finish();
}
