import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { backupFolder, sentinelKey } from '../../../../src/catalog/layout.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { formatPending, pendingKey } from '../../../../src/postgres/backup/pending.ts';
import { finalizeBackup } from '../../../../src/postgres/recovery/finalize.ts';
import type { StoredObject } from '../../../../src/storage/storage.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { linkName, makeChain } from '../../../../testtools/made-chain.ts';

/** A pending delta on a full backup. */
async function pendingDelta() {
  const transport = plainTransport();
  const { storage } = transport;
  const { backup, sentinel } = await makeChain(storage, [
    { files: [] },
    { files: [], sentinel: { finishTimeline: 2 } },
  ]);
  await storage.delete([sentinelKey(backup)]);
  const objects: StoredObject[] = [];
  for await (const info of storage.list(backupFolder(backup), { recursive: true })) {
    if (info.kind === 'object') objects.push({ key: info.key, sizeBytes: info.sizeBytes });
  }
  await storage.write(pendingKey(backup), fromBytes(Buffer.from(formatPending({ sentinel, objects }))));
  return { storage, backup, finalize: () => finalizeBackup({ transport, logger: silentLogger }, backup) };
}

describe('finalizeBackup', () => {
  it('wants the WAL of the backup', async () => {
    const { finalize } = await pendingDelta();
    await expect(finalize()).rejects.toMatchObject({ kind: 'missing' });
  });

  it('refuses a delta whose base was deleted while it was pending', async () => {
    const { storage, backup, finalize } = await pendingDelta();
    await storage.delete([sentinelKey(linkName(0))]);
    await expect(finalize()).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining(`builds on "${linkName(0)}", which is not there`) as string,
    });
    expect(await storage.stat(sentinelKey(backup))).toBeUndefined();
  });
});
