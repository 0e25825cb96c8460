import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { binlogList } from '../../../../src/commands/mysql/binlog-list.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { openListedFixture } from '../../../../testtools/catalogue.ts';
import { runCommand, type CommandOutcome } from '../../../../testtools/command-run.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';

const fixture = 'mariadb-streams';

const folder = resolve(import.meta.dirname, '../../../fixtures', fixture);

/** Sizes of all objects that WAL-G stored, by key. */
const sizes = new Map(
  readFileSync(join(folder, 'storage_files.tsv'), 'utf8')
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([, size, , , key = '']) => [key, Number(size)] as const),
);

async function storageWithSizes(): Promise<Storage> {
  const storage = await openListedFixture(fixture);
  return {
    ...storage,
    async *list(prefix, options) {
      for await (const item of storage.list(prefix, options)) {
        yield item.kind === 'folder' ? item : { ...item, sizeBytes: sizes.get(item.key) ?? item.sizeBytes };
      }
    },
  };
}

function printedByWalg(file: string): string {
  const text = readFileSync(join(folder, 'walg-output', file), 'utf8');
  return /# ---- stdout ----\n(.*?)\n# ---- stderr/s.exec(text)?.[1] ?? '';
}

async function run(...words: readonly string[]): Promise<CommandOutcome> {
  const transport = { storage: await storageWithSizes(), codec: noneCodec, crypter: undefined };
  return runCommand(binlogList, words, { transport, clock: fakeClock(new Date('2026-11-21T03:40:00Z')) });
}

const names = ({ stdout }: CommandOutcome): readonly string[] =>
  (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);

describe('binlog-list of the archive that WAL-G made of MariaDB', () => {
  it.each([
    ['binlog-list.txt', []],
    ['binlog-list-json.txt', ['--json']],
    ['binlog-list-pretty.txt', ['--pretty']],
  ])('prints what WAL-G prints: %s', async (file, words) => {
    expect((await run(...words)).stdout).toBe(printedByWalg(file));
  });

  it('lists what was stored from a time on, to another, both included', async () => {
    const some = await run('--since', '2026-11-21T03:28:57.048502011Z', '--until', '2026-11-21T03:28:57.9Z', '--json');
    expect(names(some)).toEqual(['mysql-bin.000013', 'mysql-bin.000014', 'mysql-bin.000015']);
    expect(names(await run('--since', '11m2s', '--json'))).toEqual(['mysql-bin.000016', 'mysql-bin.000017']);
    // The newest backup names the binary log 15, which was stored together with the one before.
    expect(names(await run('--since', 'LATEST', '--json'))).toEqual(
      [14, 15, 16, 17].map((number) => `mysql-bin.0000${number}`),
    );
  });

  it('prints nothing when there is nothing, and refuses what it does not understand', async () => {
    expect((await run('--since', '1s', '--json')).stdout).toBe('');
    for (const words of [
      ['--since', 'yesterday'],
      ['--since', '1h', '--until', '2h'],
    ]) {
      await expect(run(...words)).rejects.toMatchObject({ kind: 'usage' });
    }
  });
});
