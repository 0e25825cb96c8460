import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSentinel } from '../../src/postgres/backup/sentinel.ts';
import { runCli } from '../../testtools/cli.ts';
import { hasData, openFixture, readExpected, readObject, type Fixture } from '../../testtools/fixture.ts';

interface Verified {
  readonly backups: readonly {
    readonly name: string;
    readonly status: string;
    readonly proven_at: string | null;
    readonly objects: { readonly read: number; readonly total: number };
    readonly problems: readonly { readonly object: string; readonly what: string }[];
  }[];
}

/** Those whose damage is noticed whatever byte it is in: their streams are protected as a whole. */
const guarded = new Set(['pg15-lz4-delta', 'pg15-brotli-pgp', 'pg15-lz4-libsodium']);

const fixtures = [
  'pg15-lz4-delta',
  'pg17-lz4-delta',
  'pg15-lzma',
  'pg15-zstd',
  'pg15-brotli-pgp',
  'pg15-lz4-libsodium',
];

describe.each(fixtures)('%s, written by WAL-G', (name) => {
  let fixture: Fixture;
  beforeAll(() => {
    fixture = openFixture(name);
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  async function verify(...args: readonly string[]): Promise<Verified & { readonly exit: number | null }> {
    const { status, stdout, stderr } = await runCli(['backup-verify', '--json', ...args], { env: fixture.environment });
    if (stdout === '') throw new Error(stderr);
    return { exit: status, ...(JSON.parse(stdout) as Verified) };
  }

  const here = readExpected(name).backups.filter((backup) => isHere(name, backup.name));
  // A backup is verified with those it builds on.
  const tips = here.filter(({ name: one }) => !here.some(({ name: other }) => parentOf(name, other) === one));

  it.each(tips)('$name is proven with its chain and its WAL', async (backup) => {
    const { exit, backups } = await verify(backup.name);
    expect(backups.flatMap(({ problems }) => problems)).toEqual([]);
    expect(exit).toBe(0);
    expect(backups.at(-1)?.name).toBe(backup.name);
    for (const { status, objects, proven_at: provenAt } of backups) {
      expect(status).toBe('proven');
      expect(objects.read).toBe(objects.total);
      expect(provenAt).not.toBeNull();
    }
  });

  it.runIf(guarded.has(name))('names the part in which one byte is another', async () => {
    const [{ name: backup } = { name: '' }] = here;
    const folder = join(fixture.storage, 'basebackups_005', backup, 'tar_partitions');
    const [part = ''] = readdirSync(folder)
      .filter((file) => file.startsWith('part_'))
      .toSorted((a, b) => statSync(join(folder, b)).size - statSync(join(folder, a)).size);
    const bytes = readFileSync(join(folder, part));
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(join(folder, part), bytes);
    const { exit, backups } = await verify(backup);
    expect(exit).toBe(65);
    expect(backups[0]).toMatchObject({ status: 'damaged' });
    expect(backups[0]?.problems[0]?.object).toBe(`basebackups_005/${backup}/tar_partitions/${part}`);
  });
});

function parentOf(fixture: string, backup: string): string | undefined {
  const text = readObject(fixture, `basebackups_005/${backup}_backup_stop_sentinel.json`).toString();
  const sentinel = parseSentinel(text);
  return sentinel.kind === 'full' ? undefined : sentinel.parent;
}

/** Whether a clone has the backup, and those that it builds on. */
function isHere(fixture: string, backup: string): boolean {
  const parent = parentOf(fixture, backup);
  return hasData(fixture, backup) && (parent === undefined || isHere(fixture, parent));
}
