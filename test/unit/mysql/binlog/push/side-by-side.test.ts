import { describe, expect, it } from 'vitest';
import { uploadSideBySide } from '../../../../../src/mysql/binlog/push/side-by-side.ts';
import type { ObjectInfo } from '../../../../../src/storage/storage.ts';

const items = Array.from({ length: 10 }, (_none, index) => index);

/** An upload that takes longer the earlier it is. */
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
};

describe('uploadSideBySide', () => {
  it('holds each back until the one before is there', async () => {
    const ended: number[] = [];
    const stored: number[] = [];
    let running = 0;
    let most = 0;
    await uploadSideBySide(items, {
      concurrency: 4,
      canHoldBack: true,
      async upload(item, ready) {
        most = Math.max(most, (running += 1));
        await turns(100 - item * 10);
        await ready;
        ended.push(item);
        running -= 1;
      },
      uploadMany: () => Promise.reject(new Error('not asked for')),
      stat: () => Promise.resolve(undefined),
      stored: (item) => stored.push(item),
    });
    expect([ended, stored, most]).toEqual([items, items, 4]);
  });

  it('lets none appear after one that failed', async () => {
    const ended: number[] = [];
    const uploading = uploadSideBySide(items, {
      concurrency: 4,
      canHoldBack: true,
      async upload(item, ready) {
        await turns(100 - item * 10);
        if (item === 2) throw new Error('no space');
        await ready;
        ended.push(item);
      },
      uploadMany: () => Promise.reject(new Error('not asked for')),
      stat: () => Promise.resolve(undefined),
      stored: () => undefined,
    });
    await expect(uploading).rejects.toThrow('no space');
    expect(ended).toEqual([0, 1]);
  });

  it('writes again what came out of order where nothing can be held back', async () => {
    const times = new Map<number, number>();
    let now = 100;
    const again: number[] = [];
    const stored: number[] = [];
    await uploadSideBySide(items, {
      concurrency: 5,
      canHoldBack: false,
      upload: () => Promise.reject(new Error('not asked for')),
      uploadMany(some, isAgain) {
        if (isAgain) again.push(...some);
        // The fourth of all takes longer at first.
        const order = isAgain ? some : some.toSorted((a, b) => Number(a === 3) - Number(b === 3));
        for (const item of order) times.set(item, (now += 1));
        return Promise.resolve();
      },
      stat: (item) => Promise.resolve(infoOf(times.get(item))),
      stored: (item) => stored.push(item),
    });
    expect(again).toEqual([4]);
    expect(stored).toEqual(items);
    expect(items.map((item) => times.get(item))).toEqual([...times.values()].sort((a, b) => a - b));
  });

  it('does so one after another in the end', async () => {
    const times = new Map<number, number>();
    let now = 1000;
    const calls = new Map<number, number>();
    await uploadSideBySide(items.slice(0, 3), {
      concurrency: 3,
      canHoldBack: false,
      upload: () => Promise.reject(new Error('not asked for')),
      uploadMany(some) {
        for (const item of some) {
          calls.set(item, (calls.get(item) ?? 0) + 1);
          // A storage whose clock goes back, again and again.
          times.set(item, (calls.get(item) ?? 0) < 4 ? now - item : (now += 1));
        }
        return Promise.resolve();
      },
      stat: (item) => Promise.resolve(infoOf(times.get(item))),
      stored: () => undefined,
    });
    expect([...calls.values()]).toEqual([1, 4, 4]);
  });
});

function infoOf(ms: number | undefined): ObjectInfo | undefined {
  return ms === undefined ? undefined : { kind: 'object', key: 'x', sizeBytes: 1, modified: new Date(ms) };
}
