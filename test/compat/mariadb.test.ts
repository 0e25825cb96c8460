import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli, type CliResult } from '../../testtools/cli.ts';
import {
  hasStream,
  openMariadbFixture,
  readExpectedMariadb,
  type MariadbFixture,
  type MariadbStorageName,
  type MariadbTarget,
} from '../../testtools/mariadb/fixture.ts';
import { hasMariadb, mariadbProgram, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { restoreCommands } from '../../testtools/mariadb/rig.ts';
import { startMariadb, type MariadbServer } from '../../testtools/mariadb/server.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const expected = readExpectedMariadb();
const databases = ['shop', 'other'];

describe('an archive of MariaDB, written by WAL-G', () => {
  let fixture: MariadbFixture;
  beforeAll(() => {
    fixture = openMariadbFixture();
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  const cli = async (
    storage: MariadbStorageName,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<CliResult> => {
    const own = { WALG_FILE_PREFIX: fixture.storages[storage], HOME: fixture.folder, TZ: 'UTC' };
    const run = await startCli(args, { env: { ...own, ...environment }, cwd: fixture.folder }).ended;
    if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.status ?? ''}\n${run.stderr}`);
    return run;
  };

  const here = expected.backups.filter(({ storage, name }) => hasStream(storage, name));
  const absent = expected.backups.filter((backup) => !here.includes(backup));
  const targets = expected.restore_targets.filter(({ storage, backup }) => hasStream(storage, backup));
  if (absent.length > 0) {
    it.skip(`${absent.map(({ name }) => name).join(', ')}: not in a clone, only in the full set`, () => undefined);
  }

  it.each(here)('$name ($label) gives back the stream that was pushed', async ({ name, storage, ...stream }) => {
    const file = join(makeServerDirectory(join(fixture.folder, `stream-${name}`)), 'stream');
    await cli(storage, ['mysql', 'get-stream', name, file]);
    const bytes = readFileSync(file);
    expect(bytes.length).toBe(stream.stream_size);
    expect(sha256Of(bytes)).toBe(stream.stream_sha256);
  });

  it('gives back binlogs as they were on the server, all that a backup needs', async () => {
    const first = expected.backups[0]?.name ?? '';
    const directory = makeServerDirectory(join(fixture.folder, 'binlogs'));
    await cli('storage', ['binlog-fetch', '--since', first], { WALG_MYSQL_BINLOG_DST: directory });
    const fetched = readdirSync(directory).filter((name) => name.startsWith('mysql-bin.'));
    const numbers = Array.from(
      { length: 15 },
      (_value, index) => `mysql-bin.0000${String(index + 3).padStart(2, '0')}`,
    );
    expect(fetched).toEqual(expect.arrayContaining(numbers));
    for (const name of fetched) {
      expect(sha256Of(readFileSync(join(directory, name))), name).toBe(expected.source_binlogs[name]?.sha256);
    }
    const order = readFileSync(join(directory, 'binlogs_order'), 'utf8').trim().split('\n');
    expect(order).toEqual(fetched.toSorted());
  });

  describe.skipIf(!hasMariadb)(`on a MariaDB${whyNoMariadb}`, () => {
    it.each(targets)('$id: $backup is restored with the facts recorded there', async (target) => {
      await using server = await restored(target);
      const until = target.binlog_replay_until;
      if (until !== null) {
        // The last second that was asked of WAL-G comes after the last thing that is in the archive.
        const end = target.id.startsWith('end_') ? ['--accept-end'] : [];
        await cli(target.storage, ['binlog-replay', '--since', target.backup, '--until', until, ...end], {
          WALG_MYSQL_DATASOURCE_NAME: server.datasource,
          WALG_MYSQL_BINLOG_DST: makeServerDirectory(join(fixture.folder, `replay-${target.id}`)),
        });
      }
      expect(await server.facts(...databases)).toEqual(target.facts);
    });

    it('is brought to an instant by the command that WAL-G was given', async () => {
      const target = targets.find(({ binlog_replay_until: until }) => until !== null);
      if (target === undefined) throw new Error('no such target');
      await using server = await restored(target);
      const client = [mariadbProgram('mariadb'), ...server.clientOptions].join(' ');
      const reader = `${mariadbProgram('mariadb-binlog')} --no-defaults --stop-datetime="$WALG_MYSQL_BINLOG_END_TS"`;
      await cli('storage', ['binlog-replay', '--since', target.backup, '--until', target.binlog_replay_until ?? ''], {
        WALG_MYSQL_BINLOG_DST: makeServerDirectory(join(fixture.folder, 'replay-command')),
        WALG_MYSQL_BINLOG_REPLAY_COMMAND: `${reader} "$WALG_MYSQL_CURRENT_BINLOG" | ${client}`,
      });
      expect(await server.facts(...databases)).toEqual(target.facts);
    });

    it('restores a dump into a running server', async () => {
      const { name, facts } = expected.dump_backup;
      await using server = await startMariadb();
      const client = [mariadbProgram('mariadb'), ...server.clientOptions].join(' ');
      await cli('storage', ['backup-fetch', name], { WALG_STREAM_RESTORE_COMMAND: client });
      expect(await server.facts(...databases)).toEqual(facts);
    });
  });

  async function restored({ id, backup, storage }: MariadbTarget): Promise<MariadbServer> {
    const directory = makeServerDirectory(join(fixture.folder, `restored-${id}-${restores}`), 0o700);
    restores += 1;
    await cli(storage, ['backup-fetch', backup], restoreCommands(directory));
    return startMariadb({ directory });
  }
  let restores = 0;
});

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
