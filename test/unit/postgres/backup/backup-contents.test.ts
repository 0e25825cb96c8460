import { expect, it } from 'vitest';
import { sentinelKey } from '../../../../src/catalog/layout.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { readContents } from '../../../../src/postgres/backup/backup-contents.ts';
import { readSentinel } from '../../../../src/postgres/backup/backup-record.ts';
import { ObjectNotFoundError } from '../../../../src/storage/errors.ts';
import { openCatalogueFixture, timedStorage, type TimedStorage } from '../../../../testtools/catalogue.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const name = 'base_000000010000000000000002';

async function contentsOf(storage: TimedStorage, backup: string, logger = recordingLogger()) {
  const sentinel = await readSentinel(storage, backup);
  const { signal } = new AbortController();
  return readContents({ storage, codec: noneCodec, crypter: undefined }, backup, { sentinel, logger, signal });
}

it('the files of a backup are named by an object of their own, which is missed when it should be there', async () => {
  const storage = await openCatalogueFixture('pg15-lz4-delta');
  expect((await contentsOf(storage, name)).files).toHaveLength(1038);
  await storage.delete([`basebackups_005/${name}/files_metadata.json`]);
  await expect(contentsOf(storage, name)).rejects.toThrow(ObjectNotFoundError);
  await storage.put(`basebackups_005/${name}/files_metadata.json`, '{"Files":', 1n);
  await expect(contentsOf(storage, name)).rejects.toThrow(CorruptError);
});

it('nothing names them where that was switched off, and, with a warning, in releases that wrote no names', async () => {
  const storage = timedStorage();
  const logger = recordingLogger();
  await storage.put(sentinelKey('off'), '{"LSN":1,"FilesMetadataDisabled":true}', 1n);
  await storage.put(sentinelKey('old'), '{"LSN":1}', 1n);
  for (const backup of ['off', 'old']) expect((await contentsOf(storage, backup, logger)).files).toBeUndefined();
  expect(logger.records).toMatchObject([{ level: 'warn', fields: { backup: 'old' } }]);
});
