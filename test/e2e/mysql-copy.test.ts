import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import { listDirectory } from '../../testtools/fixture.ts';
import {
  hasStream,
  openMariadbFixture,
  readExpectedMariadb,
  type MariadbFixture,
  type MariadbStorageName,
} from '../../testtools/mariadb/fixture.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const key = { WALG_LIBSODIUM_KEY: 'c0ffee'.padEnd(64, '0'), WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };
const { backups } = readExpectedMariadb();
const ofStorage = (storage: MariadbStorageName) =>
  backups.filter((backup) => backup.storage === storage && hasStream(storage, backup.name));

describe('copy of an archive of MariaDB, written by WAL-G', () => {
  let fixture: MariadbFixture;

  beforeAll(() => {
    fixture = openMariadbFixture();
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  function archiveFile(name: string, settings: Readonly<Record<string, string>>): string {
    const path = join(fixture.folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(settings));
    giveToServer(path);
    return path;
  }

  /** What is got of a stream: its SHA-256. */
  async function streamOf(config: string, backup: string): Promise<string> {
    const file = join(fixture.folder, `stream-${backup}`);
    const got = await run(['--config', config, 'get-stream', backup, file]);
    expect(got, got.stderr).toMatchObject({ status: 0 });
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  }

  const run = (words: readonly string[]): Promise<CliResult> => runCli(words, { cwd: fixture.folder });

  it.each<MariadbStorageName>(['storage', 'storage-split'])(
    'of %s has another codec and key, and gives the same streams; the source stays as it is',
    async (storage) => {
      const from = archiveFile(`from-${storage}`, { WALG_FILE_PREFIX: fixture.storages[storage] });
      const target = makeServerDirectory(join(fixture.folder, `${storage}-copy`));
      const to = archiveFile(`to-${storage}`, { WALG_FILE_PREFIX: target, WALG_COMPRESSION_METHOD: 'zstd', ...key });
      const before = listDirectory(fixture.storages[storage]);
      for (const { name, stream_sha256: sum } of ofStorage(storage).slice(0, 2)) {
        const result = await run(['copy', '-f', from, '-t', to, '-b', name, '--re-encode', '--verify', '--json']);
        expect(result, result.stderr).toMatchObject({ status: 0 });
        expect(await streamOf(to, name)).toBe(sum);
      }
      expect(listDirectory(fixture.storages[storage])).toEqual(before);
      const verified = await run(['--config', to, 'backup-verify', '--all', '--json']);
      expect(verified, verified.stderr).toMatchObject({ status: 0 });
      const again = await run([
        'copy',
        '-f',
        from,
        '-t',
        to,
        '-b',
        ofStorage(storage)[0]?.name ?? '',
        '--re-encode',
        '--json',
      ]);
      expect(JSON.parse(again.stdout)).toMatchObject({ copied_objects: 0 });
    },
  );

  it('under another name can be fetched by it, and with history has the binlogs since', async () => {
    const [backup] = ofStorage('storage');
    const name = backup?.name ?? '';
    const from = archiveFile('from', { WALG_FILE_PREFIX: fixture.storages.storage });
    const target = makeServerDirectory(join(fixture.folder, 'kept'));
    const to = archiveFile('to', { WALG_FILE_PREFIX: target });
    const kept = await run(['backup-copy', '-f', from, '-t', to, '-b', name, '-p', 'kept_']);
    expect(kept, kept.stderr).toMatchObject({ status: 0 });
    expect(await streamOf(to, `kept_${name}`)).toBe(backup?.stream_sha256);
    const history = await run(['copy', '-f', from, '-t', to, '-b', name, '-w', '--verify', '--json']);
    expect(history, history.stderr).toMatchObject({ status: 0 });
    // WAL-G's list of the source begins with 000003, which the backup names.
    expect(JSON.parse(history.stdout)).toMatchObject({ binlogs: { objects: 15 }, missing_binlogs: [] });
    const list = await run(['--config', to, 'backup-list', '--json']);
    expect((JSON.parse(list.stdout) as { backup_name: string }[]).map((one) => one.backup_name).sort()).toEqual([
      `kept_${name}`,
      name,
    ]);
    const verified = await run(['--config', to, 'backup-verify', name, '--binlogs', '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      binlogs: { status: 'proven', count: { read: 15, total: 15 } },
    });
    const refused = await run(['backup-copy', '-f', from, '-t', to, '--all', '-p', 'x_']);
    expect(refused.status).toBe(64);
  });
});
