import { describe, expect, it } from 'vitest';
import { filesToPack, type PushedCluster } from '../../../../src/postgres/backup/files-to-pack.ts';
import type { PushOptions } from '../../../../src/postgres/backup/push-options.ts';
import type { BackupSession } from '../../../../src/postgres/backup/session.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { clusterEntry } from '../../../../testtools/cluster-entries.ts';

const entries = [clusterEntry('/base/5/1'), clusterEntry('/base/5/1_vm'), clusterEntry('/global/1262')];
const walk = { entries, controlFile: undefined, tablespaces: [], catalogBytes: 0, fileBytes: 24_576 };

function pack(blockBytes: number, catchup: PushOptions['catchup']) {
  const session = { base: undefined, signal: new AbortController().signal } as BackupSession;
  const cluster = { server: { blockBytes }, dataDirectory: '/pg', baseFiles: undefined } as PushedCluster;
  return filesToPack(walk, session, cluster, { catchup } as PushOptions);
}

describe('the files to pack', () => {
  it('are all of them, whole, in a full backup', async () => {
    expect(await pack(8192, undefined)).toEqual({ packed: entries, skipped: new Set(), fileBytes: 24_576 });
  });

  it('may be increments in a catchup where they have pages, whatever was pushed before', async () => {
    const { packed, skipped } = await pack(8192, { fromLsn: parseLsn('0/1') });
    expect(packed.map(({ change }) => change)).toEqual([{}, undefined, undefined]);
    expect(skipped.size).toBe(0);
  });

  it('are whole in a catchup of a server with pages of another size', async () => {
    expect((await pack(16_384, { fromLsn: parseLsn('0/1') })).packed).toEqual(entries);
  });
});
