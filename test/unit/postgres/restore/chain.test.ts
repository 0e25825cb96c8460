import { describe, expect, it } from 'vitest';
import { linkName, makeChain, type MadeLink, type MadeNewest } from '../../../../testtools/made-chain.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import type { DeltaSentinel, Sentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { BrokenChainError, readChain, type ChainLink } from '../../../../src/postgres/restore/chain.ts';
import { sentinelKey } from '../../../../src/catalog/layout.ts';

const { signal } = new AbortController();

/** Reads a chain of backups with these sentinels; some are removed afterwards. */
async function chainOf(
  sentinels: readonly Partial<Sentinel>[],
  removed: readonly string[] = [],
): Promise<readonly ChainLink[]> {
  const storage = createMemoryStorage();
  const links = sentinels.map((sentinel): MadeLink => ({ files: [], sentinel }));
  const newest: MadeNewest = await makeChain(storage, links);
  await storage.delete(removed.map(sentinelKey));
  return readChain(storage, newest, { signal });
}

const delta = (given: Partial<DeltaSentinel>): Partial<Sentinel> => given;

describe('a chain', () => {
  it('goes from the newest backup to the full one', async () => {
    const chain = await chainOf([{}, {}, {}]);
    expect(chain.map(({ backup }) => backup)).toEqual([linkName(2), linkName(1), linkName(0)]);
  });

  it('of a full backup is that backup', async () => {
    expect(await chainOf([{}])).toHaveLength(1);
  });

  it('without one of its backups is refused, with the name of that', async () => {
    const reading = chainOf([{}, {}, {}], [linkName(0)]);
    await expect(reading).rejects.toThrow(`"${linkName(1)}" builds on "${linkName(0)}", which is not there`);
    await expect(reading).rejects.toMatchObject({
      kind: 'corrupt',
      hint: expect.stringContaining('backup-list') as string,
    });
  });

  it.each([
    ['that comes back to itself', [{}, {}, delta({ parent: linkName(2) })], /builds on itself/],
    [
      'that runs in a circle',
      [{}, delta({ parent: linkName(2), root: linkName(0), parentLsn: toLsn(0x6000028n), steps: 3 }), {}],
      /builds on itself|calls itself delta/,
    ],
    [
      'whose parent began elsewhere',
      [{}, delta({ parentLsn: toLsn(1n) })],
      /began at 0\/1, and .* began at 0\/2000028/,
    ],
    ['whose parent has no start', [{ startLsn: undefined }, {}], /nobody knows where/],
    ['that began before its parent had ended', [{ finishLsn: toLsn(1n << 40n) }, {}], /had ended/],
    ['of two clusters', [{ systemIdentifier: 5n }, { systemIdentifier: 6n }], /different clusters/],
    ['that counts wrongly', [{}, {}, delta({ steps: 3 })], /calls itself delta 3 .*, it is delta 2/],
    ['whose first delta counts wrongly', [{}, delta({ steps: 0 })], /calls itself delta 0/],
    ['that names another root', [{}, {}, delta({ root: linkName(1) })], /delta 2 on/],
  ])('%s is refused', async (_, sentinels: readonly Partial<Sentinel>[], message) => {
    const reading = chainOf(sentinels);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toBeInstanceOf(BrokenChainError);
  });

  it('may count on from deltas of the same full backup, as WALG_DELTA_ORIGIN=LATEST_FULL makes them', async () => {
    const third = delta({ parent: linkName(0), root: linkName(0), parentLsn: toLsn(0x2000028n), steps: 2 });
    expect((await chainOf([{}, {}, third])).map(({ backup }) => backup)).toEqual([linkName(2), linkName(0)]);
  });

  it('is fine where only one backup says of which cluster it is', async () => {
    expect(await chainOf([{}, { systemIdentifier: 6n }])).toHaveLength(2);
  });
});
