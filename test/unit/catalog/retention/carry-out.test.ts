import { describe, expect, it } from 'vitest';
import { backupFolder } from '../../../../src/catalog/layout.ts';
import { timeOfDate } from '../../../../src/catalog/time.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { ArchiverError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import type { Inventory } from '../../../../src/postgres/inventory/inventory.ts';
import { readInventories } from '../../../../src/postgres/inventory/read-inventory.ts';
import { formatLsn, toLsn } from '../../../../src/postgres/lsn.ts';
import { recoveryWindows } from '../../../../src/postgres/recovery/windows.ts';
import { carryOut, type CarriedOut } from '../../../../src/catalog/retention/carry-out.ts';
import { planDeletion } from '../../../../src/postgres/retention/plan.ts';
import { applyPolicy } from '../../../../src/postgres/retention/policy.ts';
import type { DeletionRule } from '../../../../src/catalog/retention/rule.ts';
import { segmentName } from '../../../../src/postgres/wal-segment.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { NamedStorage, Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { madeInventory, type MadeBackup } from '../../../../testtools/made-inventory.ts';
import { storedArchive } from '../../../../testtools/stored-archive.ts';

const segmentBytes = 16 * 1024 * 1024;
const day = 86_400_000;
const clock = fakeClock(new Date('2026-11-21T12:00:00Z'));
const now = timeOfDate(clock.now());
const daysAgo = (days: number): Date => new Date(clock.now().getTime() - days * day);

function at(number: number, days: number, more: Partial<MadeBackup> = {}): MadeBackup {
  const lsn = (offset: number): string => formatLsn(toLsn(BigInt(number * segmentBytes + offset)));
  return { start: lsn(40), finish: lsn(segmentBytes + 80), finished: daysAgo(days), ...more };
}

function full(number: number, timeline = 1): string {
  return `base_${segmentName({ timeline, number: BigInt(number) }, segmentBytes)}`;
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Two chains, a permanent backup and two timelines. */
const archive = madeInventory({
  backups: [
    at(10, 40, { isPermanent: true }),
    at(14, 30),
    at(18, 29, { parent: full(14) }),
    at(22, 28, { parent: `${full(18)}_D_${full(14).slice(5)}` }),
    at(26, 20),
    at(30, 10, { timeline: 2, parent: full(26) }),
    at(36, 2, { timeline: 2 }),
  ],
  segments: { 1: range(9, 28), 2: range(28, 45) },
  histories: { 2: '1\t0/1C000100\tno recovery target specified\n' },
  storedAt: (_, number) => daysAgo(45 - number),
});

const rules: readonly (readonly [string, (inventories: readonly Inventory[]) => DeletionRule])[] = [
  [
    'a policy',
    (inventories) => ({
      kind: 'policy',
      outcome: applyPolicy(inventories, { keepLast: 1, pitrWindowMs: 5 * day }, now),
    }),
  ],
  ['retain', () => ({ kind: 'retain', count: 1, modifier: 'full', after: undefined })],
  ['before', () => ({ kind: 'before', point: { by: 'name', name: full(26) }, findFull: false })],
  ['everything', () => ({ kind: 'everything', force: true })],
];

async function inventoriesOf(storage: Storage): Promise<readonly Inventory[]> {
  const transport = { storage, codec: noneCodec, crypter: undefined };
  const stored = await readInventories(transport, { segmentBytes, clock });
  return stored.map(({ inventory }) => inventory);
}

async function deleteBy(
  ruleOf: (inventories: readonly Inventory[]) => DeletionRule,
  storage: Storage,
  through: Storage = storage,
): Promise<CarriedOut> {
  const inventories = await inventoriesOf(storage);
  const { removals } = planDeletion(inventories, ruleOf(inventories), { now });
  return carryOut(
    removals.map((removal) => ({ ...removal, storage: through })),
    { logger: silentLogger, concurrency: 4, checkLease: () => undefined, onProgress: () => undefined },
  );
}

/** Deletes one object after the other, and stops after so many. */
function cutOff(storage: Storage, after: number): Storage {
  let left = after;
  return {
    ...storage,
    location: storage.location,
    async delete(keys) {
      for (const key of keys) {
        if (left === 0) throw new StorageUnavailableError('cut off');
        left -= 1;
        await storage.delete([key]);
      }
    },
  };
}

async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('', { recursive: true })) keys.push(key);
  return keys.sort();
}

/** Every backup has all that it is made of, what it builds on, and its WAL. */
async function expectConsistent(storage: Storage): Promise<void> {
  const inventories = await inventoriesOf(storage);
  expect(recoveryWindows(inventories).unusable).toEqual([]);
  for (const { name, objects } of inventories.flatMap(({ backups }) => backups)) {
    expect(objects.map(({ key }) => key).filter((key) => key.startsWith(backupFolder(name)))).toHaveLength(3);
  }
}

describe.each(rules)('a deletion by %s', (_, ruleOf) => {
  it('is consistent wherever it is cut off, and goes on with the rest when it is run again', async () => {
    const whole = await storedArchive(archive, clock);
    await expectConsistent(whole);
    const before = (await keysOf(whole)).length;
    const { objects } = await deleteBy(ruleOf, whole);
    const left = await keysOf(whole);
    expect(before - left.length).toBe(objects);
    expect(objects).toBeGreaterThan(10);
    await expectConsistent(whole);
    for (let after = 0; after < objects; after++) {
      const storage = await storedArchive(archive, clock);
      await expect(deleteBy(ruleOf, storage, cutOff(storage, after))).rejects.toThrow('cut off');
      await expectConsistent(storage);
      await deleteBy(ruleOf, storage);
      expect(await keysOf(storage)).toEqual(left);
    }
  });

  it('finds nothing more to do afterwards', async () => {
    const storage = await storedArchive(archive, clock);
    await deleteBy(ruleOf, storage);
    expect(await deleteBy(ruleOf, storage)).toEqual({ objects: 0, bytes: 0 });
  });
});

describe('carrying out', () => {
  const [, policy] = rules[0] ?? [];
  if (policy === undefined) throw new TypeError('no rule');

  it('tells how far it is', async () => {
    const storage = await storedArchive(archive, clock);
    const { removals } = planDeletion(await inventoriesOf(storage), policy(await inventoriesOf(storage)), { now });
    const told: number[] = [];
    const { bytes } = await carryOut(
      removals.map((removal) => ({ ...removal, storage })),
      { logger: silentLogger, concurrency: 1, checkLease: () => undefined, onProgress: (done) => told.push(done) },
    );
    expect(told.at(-1)).toBe(bytes);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  it('stops as soon as the lease is lost', async () => {
    const storage = await storedArchive(archive, clock);
    const before = await keysOf(storage);
    const inventories = await inventoriesOf(storage);
    const { removals } = planDeletion(inventories, policy(inventories), { now });
    const failing = carryOut(
      removals.map((removal) => ({ ...removal, storage })),
      {
        logger: silentLogger,
        concurrency: 1,
        checkLease() {
          throw new ArchiverError('unavailable', 'lost the lease');
        },
        onProgress: () => undefined,
      },
    );
    await expect(failing).rejects.toThrow('lost the lease');
    expect(await keysOf(storage)).toEqual(before);
  });

  it('goes through the steps on each mirror by itself, and says in the end which one failed', async () => {
    const present = await storedArchive(archive, clock);
    for (const after of [0, 1, 5, 12]) {
      const one = await storedArchive(archive, clock);
      const other = await storedArchive(archive, clock);
      const copies: readonly NamedStorage[] = [
        { name: 'default', storage: one, isAlive: true },
        { name: 'far', storage: cutOff(other, after), isAlive: true },
      ];
      const mirrored: Storage = { ...present, location: 'both', copies };
      await expect(deleteBy(policy, present, mirrored)).rejects.toMatchObject({
        kind: 'unavailable',
        message: 'not everything was deleted on mirror "far": cut off',
        hint: expect.stringContaining('mirror sync') as string,
      });
      await expectConsistent(other);
      const alone = await storedArchive(archive, clock);
      await deleteBy(policy, alone);
      expect(await keysOf(one)).toEqual(await keysOf(alone));
    }
  });

  it('deletes nothing of a step in one storage before the step before is done in all', async () => {
    const order: string[] = [];
    const placed = (name: string): Storage => ({
      ...createMemoryStorage(clock),
      location: name,
      delete(keys) {
        order.push(...keys.map((key) => `${name}:${key}`));
        return Promise.resolve();
      },
    });
    const info = (key: string) => ({ kind: 'object', key, sizeBytes: 1, modified: daysAgo(1) }) as const;
    const none = { leftovers: [], log: [], others: [] };
    await carryOut(
      [
        {
          ...none,
          storage: placed('a'),
          storageName: 'a',
          backups: [{ name: 'full', parent: undefined, sentinel: info('full'), objects: [info('full/part')] }],
          log: [info('wal')],
          others: [info('history')],
        },
        {
          ...none,
          storage: placed('b'),
          storageName: 'b',
          backups: [
            { name: 'delta', parent: 'full', sentinel: info('delta'), objects: [] },
            { name: 'delta of delta', parent: 'delta', sentinel: info('delta of delta'), objects: [] },
          ],
          leftovers: [info('left')],
        },
      ],
      { logger: silentLogger, concurrency: 1, checkLease: () => undefined, onProgress: () => undefined },
    );
    const steps = ['b:delta of delta', 'b:delta', 'a:full', 'a:full/part', 'b:left', 'a:wal', 'a:history'];
    expect(order).toEqual(steps);
  });
});
