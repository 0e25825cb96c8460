import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import type { Crypter } from '../../../../src/crypto/crypter.ts';
import { ArchiverError } from '../../../../src/errors.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { markPermanent } from '../../../../src/postgres/delta/permanence.ts';
import { readInventories } from '../../../../src/postgres/inventory/read-inventory.ts';
import { StorageForbiddenError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { openCatalogueFixture } from '../../../../testtools/catalogue.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';
import { mirrorsOf, testMember } from '../../../../testtools/several-storages.ts';

const options = { segmentBytes: 16 * 1024 * 1024, clock: systemClock };

/** Reads an archive of one history file with a crypter that fails. */
async function readWith(error: Error) {
  const storage = createMemoryStorage();
  await storage.write('wal_005/00000002.history', fromBytes(Buffer.from('1\t0/4000500\tx\n')));
  const crypter: Crypter = {
    ...madeCrypter(),
    decrypt: async function* () {
      yield await Promise.reject(error);
    },
  };
  return readInventories({ storage, codec: noneCodec, crypter }, options);
}

describe('readInventories', () => {
  it('goes on without a history that the keys of this machine do not open', async () => {
    const error = new ArchiverError('forbidden', 'only the public key is here');
    const [found] = await readWith(error);
    expect(found?.inventory.unreadableHistories.get(2)).toBe(error);
    expect(found?.inventory.histories.size).toBe(0);
  });

  it('ends when the storage refuses', async () => {
    const error = new StorageForbiddenError('no');
    await expect(readWith(error)).rejects.toBe(error);
  });

  it('takes a backup for permanent when one mirror says so: the others may have been away when it was marked', async () => {
    const member = async (name: string) => ({
      ...testMember(name),
      storage: faultyStorage(await openCatalogueFixture('pg15-lz4-delta'), () => undefined),
    });
    const [near, far] = [await member('near'), await member('far')];
    await markPermanent(far.storage, ['base_000000010000000000000002'], {});
    const storage = mirrorsOf([near, far], { quorum: 1 });
    const [found] = await readInventories({ storage, codec: noneCodec, crypter: undefined }, options);
    expect(found?.inventory.backups[0]).toMatchObject({ name: 'base_000000010000000000000002', isPermanent: true });
  });
});
