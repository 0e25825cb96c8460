import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TarHeader } from '../../../../src/archive/header.ts';
import { readTar } from '../../../../src/archive/reader.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { pushControlPart, pushLabelPart, readStableControlFile } from '../../../../src/postgres/backup/last-parts.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const fixture = resolve(import.meta.dirname, '..', '..', '..', 'fixtures', 'server-files', 'pg17.pg_control');

function openTransport(): Transport {
  return { storage: createMemoryStorage(), codec: noneCodec, crypter: undefined };
}

async function membersOf(transport: Transport, key: string): Promise<readonly (readonly [TarHeader, Buffer])[]> {
  const members: (readonly [TarHeader, Buffer])[] = [];
  await readTar(await transport.storage.read(key), (header) => {
    const chunks: Buffer[] = [];
    return {
      write: (chunk) => chunks.push(Buffer.from(chunk)),
      end: () => members.push([header, Buffer.concat(chunks)]),
      abort: () => undefined,
    };
  });
  return members;
}

describe('the control file', () => {
  it('is read again while the server is writing it', async () => {
    await using folder = await temporaryDirectory();
    mkdirSync(join(folder.path, 'global'));
    const path = join(folder.path, 'global', 'pg_control');
    const torn = Buffer.concat([readFileSync(fixture), Buffer.alloc(8192)]).subarray(0, 8192);
    torn[40] = (torn[40] ?? 0) ^ 1;
    writeFileSync(path, torn);
    const clock = fakeClock();
    const bytes = await readStableControlFile(folder.path, {
      ...clock,
      async sleep(ms) {
        await clock.sleep(ms);
        if (clock.sleeps.length === 3) copyFileSync(fixture, path);
      },
    });
    expect(Buffer.from(bytes).equals(readFileSync(fixture).subarray(0, 8192))).toBe(true);
    expect(clock.sleeps).toHaveLength(3);
  });

  it('that never passes its checksum ends the backup', async () => {
    await using folder = await temporaryDirectory();
    mkdirSync(join(folder.path, 'global'));
    const torn = Buffer.from(readFileSync(fixture));
    torn[40] = (torn[40] ?? 0) ^ 1;
    writeFileSync(join(folder.path, 'global', 'pg_control'), torn);
    await expect(readStableControlFile(folder.path, fakeClock())).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('of an unknown version is taken when two reads agree', async () => {
    await using folder = await temporaryDirectory();
    mkdirSync(join(folder.path, 'global'));
    const future = Buffer.from(readFileSync(fixture));
    future.writeUInt32LE(2900, 8);
    writeFileSync(join(folder.path, 'global', 'pg_control'), future);
    const clock = fakeClock();
    expect(Buffer.from(await readStableControlFile(folder.path, clock)).equals(future)).toBe(true);
    expect(clock.sleeps).toHaveLength(1);
  });

  it('gets a part of its own, with the owner and mode that it had', async () => {
    const transport = openTransport();
    const bytes = Buffer.alloc(8192, 7);
    const entry = {
      name: '/global/pg_control',
      type: 'file',
      mode: 0o640,
      uid: 26,
      gid: 27,
      sizeBytes: 8192,
      mtimeNs: 1_600_000_000_500_000_000n,
      linkTarget: '',
    } as const;
    const owners = { users: { 26: 'postgres' }, groups: { 27: 'dba' } };
    const part = await pushControlPart(transport, { backup: 'b', entry, bytes, owners }, {});
    expect(part).toMatchObject({ key: 'basebackups_005/b/tar_partitions/pg_control.tar', memberBytes: 8192 });
    const [[header, content] = [], ...more] = await membersOf(transport, part.key);
    expect(more).toEqual([]);
    expect(content?.equals(bytes)).toBe(true);
    expect(header).toMatchObject({
      name: '/global/pg_control',
      mode: 0o640,
      uid: 26,
      gid: 27,
      userName: 'postgres',
      groupName: 'dba',
      mtimeSeconds: 1_600_000_001,
    });
  });
});

describe('the part with the label', () => {
  it('holds backup_label and then tablespace_map, which may be empty, without slash and owner', async () => {
    const transport = openTransport();
    const part = await pushLabelPart(transport, 'b', { label: 'START WAL…\n', tablespaceMap: '' }, {});
    expect(part.key).toBe('basebackups_005/b/tar_partitions/backup_label.tar');
    const members = await membersOf(transport, part.key);
    expect(members.map(([header, content]) => [header.name, content.toString()])).toEqual([
      ['backup_label', 'START WAL…\n'],
      ['tablespace_map', ''],
    ]);
    for (const [header] of members) {
      expect(header).toMatchObject({ type: 'file', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0, userName: '' });
    }
  });

  it('is never written without a label', async () => {
    const pushed = pushLabelPart(openTransport(), 'b', { label: '', tablespaceMap: '' }, {});
    await expect(pushed).rejects.toThrow('empty backup label');
  });
});
