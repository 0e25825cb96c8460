/**
 * Takes from the full set of fixtures (`../shared/fixtures`) what the clone has of them: `node testtools/keep-fixtures.ts`,
 * or of some: `node testtools/keep-fixtures.ts mariadb-streams`. Of every backup the JSON objects, of those below everything,
 * and the WAL or binlogs that recovery from them reads.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { listKept, readKept, smallestForm } from './fixture-files.ts';

const root = resolve(import.meta.dirname, '..');
const from = resolve(root, '..', 'shared', 'fixtures');
const to = join(root, 'test', 'fixtures');

/** Fixtures and the backups that are kept whole, the oldest, a full one, first. */
const kept: Readonly<Record<string, readonly string[]>> = {
  'pg15-lz4-delta': [
    'base_000000010000000000000002',
    'base_000000010000000000000004_D_000000010000000000000002',
    'base_000000010000000000000006_D_000000010000000000000004',
    'base_00000002000000000000000B_D_000000010000000000000006',
  ],
  'pg17-lz4-delta': ['base_000000010000000000000002', 'base_000000010000000000000004_D_000000010000000000000002'],
  'pg15-lzma': ['base_000000010000000000000002'],
  'pg15-zstd': ['base_00000001000000000000000A', 'base_00000001000000000000000C_D_00000001000000000000000A'],
  'pg15-brotli-pgp': ['base_000000010000000000000002', 'base_000000010000000000000004_D_000000010000000000000002'],
  'pg15-lz4-libsodium': ['base_000000010000000000000008', 'base_00000001000000000000002D_D_000000010000000000000008'],
  'mariadb-streams': ['stream_20261121T032840Z', 'stream_20261121T032859Z'],
};

function isKept(path: string, backups: readonly string[]): boolean {
  const [top = '', folder = '', name = ''] = path.split('/');
  if (top === 'files') return backups.includes(folder.replace('.tsv', ''));
  if (folder === 'wal_005' && top === 'storage')
    return name.endsWith('.history.lz4') || isNeeded(name, backups[0] ?? '');
  // It ends before the first backup begins.
  if (name === 'mysql-bin.000001.lz4') return false;
  if (folder !== 'basebackups_005') return true;
  const isSmall = name.startsWith('journal_') || path.endsWith('metadata.json');
  return backups.includes(name) || name.endsWith('.json') || (isSmall && !path.endsWith('files_metadata.json'));
}

/** From the segment of the first backup on; of timelines it is enough to compare the segment numbers. */
function isNeeded(wal: string, firstBackup: string): boolean {
  return wal.slice(8, 24) >= firstBackup.slice('base_'.length + 8);
}

const chosen = process.argv.slice(2);
for (const [name, backups] of Object.entries(kept)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const source = join(from, name);
  const expected = JSON.parse(readFileSync(join(source, 'expected.json'), 'utf8')) as {
    readonly libsodium?: { readonly key: string };
  };
  const key = expected.libsodium === undefined ? undefined : Buffer.from(expected.libsodium.key, 'hex');
  rmSync(join(to, name), { recursive: true, force: true });
  for (const path of listKept(source).filter((one) => isKept(one, backups))) {
    const bytes = readFileSync(join(source, path));
    const isPayload = path.startsWith('storage') && !path.endsWith('.json');
    const isLarge = path.startsWith('storage') || path.startsWith('files/');
    const form = isLarge ? smallestForm(bytes, isPayload ? key : undefined) : { suffix: '', bytes };
    mkdirSync(dirname(join(to, name, path)), { recursive: true });
    writeFileSync(join(to, name, path + form.suffix), form.bytes);
    if (readKept(join(to, name, path), key)?.equals(bytes) !== true) throw new Error(`${name}/${path} can't be kept`);
  }
}
