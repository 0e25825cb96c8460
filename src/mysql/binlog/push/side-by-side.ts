/**
 * Uploads binary logs side by side so that they appear in order.
 *
 * On a local storage each is held back until the one before it is there: whenever this is killed, what is archived has no
 * gap. A remote one is written by single requests that nothing can hold back; they are sent in order, and a gap that a killed
 * run leaves is filled by the next one. WAL-G replays by the times of objects, not by their names, so these must be in order,
 * too: what came out otherwise is written again.
 */
import { mapConcurrently } from '../../../pipeline/concurrency.ts';
import type { ObjectInfo } from '../../../storage/storage.ts';

/** How to upload. */
export interface SideBySideOptions<T> {
  readonly concurrency: number;
  /** Each may be held back until the one before is there. */
  readonly canHoldBack: boolean;
  /**
   * Uploads some, `concurrency` at once, whose ends are sent in order.
   *
   * @param again they are stored already and only to become newer
   */
  uploadMany(items: readonly T[], again: boolean): Promise<void>;
  /**
   * Uploads one.
   *
   * @param ready its end must wait for this
   */
  upload(item: T, ready: Promise<unknown>): Promise<void>;
  /** What is stored of it. */
  stat(item: T): Promise<ObjectInfo | undefined>;
  /** Told in order, when one and all before it are there for good. */
  stored(item: T): void;
}

/** Uploads all; rejects with the first failure, when what still ran has ended. */
export async function uploadSideBySide<T>(items: readonly T[], options: SideBySideOptions<T>): Promise<void> {
  if (options.canHoldBack) await uploadHeldBack(items, options);
  else await uploadInBursts(items, options);
}

async function uploadHeldBack<T>(items: readonly T[], options: SideBySideOptions<T>): Promise<void> {
  const turns = items.map((item) => ({ item, done: Promise.withResolvers<undefined>() }));
  for (const { done } of turns) done.promise.catch(ignore);
  const before = new Map(turns.map((turn, index) => [turn, turns[index - 1]?.done.promise ?? Promise.resolve()]));
  await mapConcurrently(turns, options.concurrency, async (turn) => {
    try {
      const ready = before.get(turn) ?? Promise.resolve();
      await options.upload(turn.item, ready);
      await ready;
      options.stored(turn.item);
      turn.done.resolve(undefined);
    } catch (error) {
      turn.done.reject(error);
      throw error;
    }
  });
}

/** How often what is out of order is written again side by side, before it is written one after another. */
const rounds = 3;

/** A few at a time, so that there is little to write again when their times are not in order. */
async function uploadInBursts<T>(items: readonly T[], options: SideBySideOptions<T>): Promise<void> {
  const { concurrency } = options;
  let latest = 0n;
  for (let from = 0; from < items.length; from += concurrency) {
    const burst = items.slice(from, from + concurrency);
    await options.uploadMany(burst, false);
    for (let round = 1; items.length > 1; round += 1) {
      const infos = await mapConcurrently(burst, concurrency, (item) => options.stat(item));
      const times = infos.map(timeOf);
      const wrong = firstOutOfOrder(times, latest);
      if (wrong === undefined) {
        latest = times.at(-1) ?? latest;
        break;
      }
      const late = burst.slice(wrong);
      if (round < rounds) {
        await options.uploadMany(late, true);
        continue;
      }
      for (const item of late) await options.uploadMany([item], true);
      break;
    }
    for (const item of burst) options.stored(item);
  }
}

function firstOutOfOrder(times: readonly bigint[], latestBefore: bigint): number | undefined {
  let latest = latestBefore;
  for (const [index, time] of times.entries()) {
    if (time < latest) return index;
    latest = time;
  }
  return undefined;
}

function timeOf(info: ObjectInfo | undefined): bigint {
  if (info === undefined) return 0n;
  return info.modifiedNs ?? BigInt(info.modified.getTime()) * 1_000_000n;
}

function ignore(): void {
  // whoever failed tells
}
