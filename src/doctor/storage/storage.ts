/** The checks of a storage, in their order. Whatever is written is removed again, however the run ends. */
import { skip, type Check } from '../check.ts';
import { openContext, type StorageCheckOptions, type StorageContext } from './context.ts';
import { checkConcurrentCreation, checkCreateOnly } from './create-only.ts';
import { checkLargeGet, checkLargePut, type LargeWritten } from './large-object.ts';
import {
  checkClock,
  checkDelete,
  checkGet,
  checkListed,
  checkMayDelete,
  checkPut,
  checkRange,
  type Written,
} from './objects.ts';
import { checkList, checkMissing, checkProtection, checkReading, checkRoundTrip } from './reach.ts';
import { openScratch } from './scratch.ts';

const writing = [
  ...['put', 'get', 'range', 'listed', 'clock', 'create_only', 'create_only_concurrent'],
  ...['large_put', 'large_get', 'delete'],
] as const;

/** Checks a storage. @throws the reason of the signal; nothing else */
export async function* checkStorage(options: StorageCheckOptions): AsyncGenerator<Check, void> {
  const { storage, logger, write } = options;
  const scratch = openScratch(storage);
  const context = openContext(options, scratch);
  const listed = await checkList(context);
  yield listed;
  if (listed.outcome === 'fail' && listed.kind !== 'forbidden') {
    yield* skipped(['missing', 'round_trip', 'protection', ...writing], 'the storage does not answer');
    return;
  }
  yield await checkMissing(context);
  yield await checkRoundTrip(context);
  const protection = await checkProtection(context);
  yield protection;
  if (!write) {
    yield await checkReading(context);
    yield* skipped(
      writing.filter((name) => name !== 'range'),
      'nothing is to be written (--no-write)',
    );
    return;
  }
  if (protection.figures?.['lock'] === 'always') {
    yield* skipped(writing, 'new objects are locked against deletion, so that what is written would stay');
    return;
  }
  try {
    yield* checkWriting(context);
  } finally {
    await scratch.clearAnyway(logger);
  }
}

async function* checkWriting(context: StorageContext): AsyncGenerator<Check, void> {
  const mayDelete = await checkMayDelete(context);
  if (mayDelete.outcome === 'fail') {
    yield { ...mayDelete, name: 'delete' };
    yield* skipped(writing.slice(0, -1), 'what is written could not be removed');
    return;
  }
  let small: Written | undefined;
  yield await checkPut(context, (written) => (small = written));
  if (small === undefined) {
    yield* skipped(writing.slice(1, -1), 'nothing could be written');
  } else {
    yield await checkGet(context, small);
    yield await checkRange(context, small);
    yield await checkListed(context, small);
    yield await checkClock(context, small);
    yield await checkCreateOnly(context);
    yield await checkConcurrentCreation(context);
    yield* checkLarge(context, small);
  }
  yield await checkDelete(context);
}

async function* checkLarge(context: StorageContext, small: Written): AsyncGenerator<Check, void> {
  let large: LargeWritten | undefined;
  yield await checkLargePut(context, small, (written) => (large = written));
  if (large === undefined) yield* skipped(['large_get'], 'no large object was written');
  else yield await checkLargeGet(context, large);
}

function* skipped(names: readonly string[], why: string): Generator<Check, void> {
  for (const name of names) yield { area: 'storage', name, ...skip(`not tried: ${why}`) };
}
