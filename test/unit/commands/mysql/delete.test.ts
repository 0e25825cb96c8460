import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readText } from '../../../../src/catalog/backup-store.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { commandEntries } from '../../../../src/commands/index.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { openListedFixture, timedStorage } from '../../../../testtools/catalogue.ts';
import { runCommand, type CommandOutcome } from '../../../../testtools/command-run.ts';

const fixture = 'mariadb-streams';

async function run(line: string, storage?: Storage): Promise<CommandOutcome> {
  const [verb = '', ...words] = line.split(' ');
  const command = await commandEntries.find(({ name }) => name === `delete ${verb}`)?.load();
  if (command === undefined) throw new TypeError(`no such command: ${verb}`);
  const transport = { storage: storage ?? (await openListedFixture(fixture)), codec: noneCodec, crypter: undefined };
  return runCommand(command, words, { transport });
}

function marked(log: string): string[] {
  return [...log.matchAll(/Object marked for deletion: (\S+) storage=default/g)].map(([, key = '']) => key).sort();
}

function markedBy({ log }: CommandOutcome): string[] {
  return marked(log.map(({ message }) => message).join('\n'));
}

async function keysOf(storage: Storage): Promise<string[]> {
  const keys: string[] = [];
  for await (const item of storage.list('', { recursive: true })) if (item.kind === 'object') keys.push(item.key);
  return keys.sort();
}

const outputs = resolve(import.meta.dirname, '../../../fixtures', fixture, 'walg-output');
const dryRuns = readdirSync(outputs)
  .filter((file) => file.startsWith('delete-'))
  .map((file) => {
    const text = readFileSync(join(outputs, file), 'utf8');
    const line = /^\$ wal-g delete (.*)$/m.exec(text)?.[1] ?? '';
    // Of what "target" marks WAL-G leaves the folder out.
    const keys = marked(text).map((key) =>
      line.startsWith('target') ? `basebackups_005/${key.replace(/^\//, '')}` : key,
    );
    return { line, status: Number(/^# exit: (\d+)$/m.exec(text)?.[1]), keys: keys.sort() };
  });

/** The binlog in which the oldest backup that stays begins: WAL-G deletes it. */
const neededBinlogs = new Map([
  ['retain 2', 'binlog_005/mysql-bin.000012.lz4'],
  ['before stream_20261121T032851Z', 'binlog_005/mysql-bin.000009.lz4'],
]);

describe('delete in the archive that WAL-G made of MariaDB', () => {
  it.each(dryRuns)('marks what WAL-G marks, but no binlog that is needed: $line', async ({ line, status, keys }) => {
    if (status !== 0) {
      await expect(run(line)).rejects.toMatchObject({ kind: 'forbidden' });
      return;
    }
    const storage = await openListedFixture(fixture);
    const present = new Set(await keysOf(storage));
    const outcome = await run(line, storage);
    const needed = neededBinlogs.get(line);
    expect(markedBy(outcome)).toEqual(keys.filter((key) => key !== needed && present.has(key)));
    if (needed !== undefined) expect(keys).toContain(needed);
  });

  it.each(['retain 2', 'before 2026-11-21T03:28:50Z', 'garbage', 'policy --keep-last 1', 'everything FORCE'])(
    'deletes what the dry run said, and nothing is left for another run: %s',
    async (line) => {
      const storage = await openListedFixture(fixture);
      const dry = await run(line, storage);
      const before = await keysOf(storage);
      await run(`${line} --confirm`, storage);
      const gone = new Set(markedBy(dry));
      expect(await keysOf(storage)).toEqual(before.filter((key) => !gone.has(key)));
      expect(markedBy(await run(line, storage))).toEqual([]);
    },
  );

  it('tells what becomes of the recovery windows', async () => {
    const { stdout } = await run('retain 2');
    expect(stdout).toMatch(/^goes: binlogs: mysql-bin\.00000\d to mysql-bin\.000011 \(\d+ binlogs, /m);
    expect(stdout).toContain(
      'and afterwards:\n  from stream_20261121T032856Z (2026-11-21T03:28:56Z), in mysql-bin.000012, to ',
    );
    expect(JSON.parse((await run('retain 2 --json')).stdout)).toMatchObject({
      backups: [{ goes: true, binlogs_kept: null }, {}, {}, { goes: false, binlogs_kept: 'following' }, {}],
      binlogs: [{ base: 'mysql-bin', last: 'mysql-bin.000011' }],
      recovery_windows_after: [
        { from_backup: 'stream_20261121T032856Z', from_binlog: 'mysql-bin.000012', to_binlog: 'mysql-bin.000017' },
      ],
    });
  });
});

describe('delete target', () => {
  it('lets the journals of its neighbours say what they must', async () => {
    const storage = timedStorage();
    const second = 1795231728n * 10n ** 9n;
    const names = [1, 2, 3].map((hour) => `stream_20261121T0${hour}0000Z`);
    for (const [at, name] of names.entries()) {
      await storage.put(`basebackups_005/${name}/stream`, 'bytes', second);
      await storage.put(`basebackups_005/${name}_backup_stop_sentinel.json`, '{"BinLogStart":"bin.000001"}', second);
      const [prior, current] = [at === 0 ? '0001-01-01' : `2026-11-2${at}`, `2026-11-2${at + 1}`];
      const journal = `{"PriorBackupEnd":"${prior}T00:00:00Z","CurrentBackupEnd":"${current}T00:00:00Z","SizeToNextBackup":7}`;
      await storage.put(`basebackups_005/journal_${name}`, journal, second);
    }
    await run(`target ${names[1] ?? ''} --confirm`, storage);
    const keys = await keysOf(storage);
    expect(keys.filter((key) => key.includes(names[1] ?? ''))).toEqual([]);
    const journal: unknown = JSON.parse(await readText(storage, `basebackups_005/journal_${names[2] ?? ''}`));
    expect(journal).toMatchObject({ PriorBackupEnd: '2026-11-21T00:00:00Z' });
  });
});
