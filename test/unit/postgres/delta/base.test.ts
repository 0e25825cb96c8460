import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { metadataKey, sentinelKey } from '../../../../src/catalog/layout.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import type { Sentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { parseSentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { chooseBase, deltaBackupName, type BaseRequest } from '../../../../src/postgres/delta/base.ts';
import { markChainPermanent } from '../../../../src/postgres/delta/permanence.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';

const full = 'base_000000010000000000000002';
const first = 'base_000000010000000000000004_D_000000010000000000000002';
const second = 'base_000000010000000000000006_D_000000010000000000000004';

interface Made {
  readonly steps: number;
  readonly parent?: string;
  readonly isPermanent?: boolean;
  readonly userData?: unknown;
  readonly without?: string;
}

function sentinelText({ steps, parent, without }: Made): string {
  const all: Record<string, unknown> = {
    LSN: 100 + 100 * steps,
    ...(parent === undefined
      ? {}
      : { DeltaLSN: 100 * steps, DeltaFrom: parent, DeltaFullName: full, DeltaCount: steps }),
    PgVersion: 170000,
    FinishLSN: 150 + 100 * steps,
    SystemIdentifier: 7,
    UncompressedSize: 1,
    CompressedSize: 1,
    DataCatalogSize: 1,
  };
  return JSON.stringify(Object.fromEntries(Object.entries(all).filter(([key]) => key !== without)));
}

describe('the base of a delta', () => {
  let storage: Storage;

  async function put(key: string, text: string): Promise<void> {
    await storage.write(key, fromBytes(Buffer.from(text)));
  }

  async function make(name: string, made: Made): Promise<Sentinel> {
    const text = sentinelText(made);
    await put(
      metadataKey(name),
      JSON.stringify({
        start_time: '2026-01-02T03:04:05Z',
        finish_time: '2026-01-02T03:05:05Z',
        date_fmt: '%Y-%m-%dT%H:%M:%S.%fZ',
        hostname: 'h',
        data_dir: '/d',
        pg_version: 170000,
        start_lsn: 100,
        finish_lsn: 200,
        is_permanent: made.isPermanent === true,
        system_identifier: 7,
        uncompressed_size: 1,
        compressed_size: 1,
        user_data: made.userData ?? null,
      }),
    );
    await put(sentinelKey(name), text);
    return parseSentinel(text);
  }

  function choose(request: Partial<BaseRequest> = {}) {
    const all: BaseRequest = {
      ...{ maxSteps: 5, origin: 'LATEST', selector: { by: 'latest' }, isPermanent: false },
      ...request,
    };
    return chooseBase(storage, all, {});
  }

  beforeEach(() => {
    storage = createMemoryStorage();
  });

  async function chain(more: Partial<Made> = {}): Promise<void> {
    await make(full, { steps: 0 });
    await make(first, { steps: 1, parent: full });
    await make(second, { steps: 2, parent: first, ...more });
  }

  it('is none where no deltas are wanted, there is no backup, or none has the user data', async () => {
    expect(await choose({ maxSteps: 0 })).toMatchObject({ reason: expect.stringContaining('is 0') as string });
    expect(await choose()).toEqual({ reason: 'there is no backup yet' });
    await chain();
    expect(await choose({ selector: { by: 'userData', userData: { a: 1 } } })).toMatchObject({
      reason: 'no backup has the given user data',
    });
  });

  it('is the latest backup, with the root of its chain and the next count', async () => {
    await make(full, { steps: 0 });
    expect(await choose()).toMatchObject({ base: { name: full, root: full, steps: 1, startLsn: 100n } });
    await make(first, { steps: 1, parent: full });
    const { base } = await choose();
    expect(base).toMatchObject({
      name: first,
      root: full,
      steps: 2,
      startLsn: 200n,
      finishLsn: 250n,
      finishTimeline: 1,
    });
    expect(base?.chain.map(({ backup }) => backup)).toEqual([first, full]);
  });

  it('is that of a name or of user data', async () => {
    await chain({ userData: { b: [1] } });
    expect(await choose({ selector: { by: 'name', name: first } })).toMatchObject({ base: { name: first } });
    expect(await choose({ selector: { by: 'userData', userData: { b: [1] } } })).toMatchObject({
      base: { name: second },
    });
    await expect(choose({ selector: { by: 'name', name: 'base_0' } })).rejects.toMatchObject({ kind: 'missing' });
  });

  it('is none at the longest chain that is allowed', async () => {
    await chain();
    expect(await choose({ maxSteps: 3 })).toMatchObject({ base: { steps: 3 } });
    expect(await choose({ maxSteps: 2 })).toMatchObject({
      reason: expect.stringContaining('the limit is 2') as string,
    });
  });

  it('is the root, with the count of the latest, from LATEST_FULL', async () => {
    await chain();
    const { base } = await choose({ origin: 'LATEST_FULL' });
    expect(base).toMatchObject({ name: full, root: full, steps: 3, startLsn: 100n });
    expect(base?.chain).toHaveLength(1);
    expect(await choose({ origin: 'LATEST_FULL', maxSteps: 2 })).toHaveProperty('reason');
  });

  it('is no permanent one of a backup that is not', async () => {
    await chain({ isPermanent: true });
    expect(await choose()).toMatchObject({ reason: expect.stringContaining('is permanent') as string });
    expect(await choose({ isPermanent: true })).toMatchObject({ base: { name: second } });
    expect(await choose({ origin: 'LATEST_FULL' })).toMatchObject({ base: { name: full } });
  });

  it.each(['LSN', 'FinishLSN', 'DataCatalogSize'])('is none without a %s', async (without) => {
    await make(full, { steps: 0, without });
    expect(await choose()).toHaveProperty('reason');
  });

  it('is none without metadata, and with a hole in its chain', async () => {
    await chain();
    await storage.delete([sentinelKey(first)]);
    expect(await choose()).toMatchObject({ reason: expect.stringContaining('cannot be restored') as string });
    await make(first, { steps: 1, parent: full });
    await storage.delete([metadataKey(second)]);
    expect(await choose({ selector: { by: 'name', name: second } })).toHaveProperty('reason');
  });

  it('is made permanent with all that it builds on, the oldest first', async () => {
    await chain();
    const { base } = await choose();
    if (base === undefined) throw new Error('no base');
    const write = vi.spyOn(storage, 'write');
    await markChainPermanent(storage, base, { logger: silentLogger });
    expect(write.mock.calls.map(([key]) => key)).toEqual([full, first, second].map(metadataKey));
    expect(await choose()).toHaveProperty('reason');
  });

  it('gives its name to the delta', () => {
    expect(deltaBackupName('000000010000000000000006', first)).toBe(second);
  });
});
