/** Copies of the archives that WAL-G wrote, with the times and modes that git does not keep. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isKept, listKept, readKept } from './fixture-files.ts';
import { giveToServer, makeServerTemp } from './postgres/server-user.ts';

const root = resolve(import.meta.dirname, '..');
/** What a clone has, and beside the repository, on some machines, all that WAL-G wrote. */
const folders = [join(root, 'test', 'fixtures'), resolve(root, '..', 'shared', 'fixtures')];

/** Row count and checksum of a table, and the query where it is a special one. */
export interface TableFact {
  readonly count: number;
  readonly md5: string;
  readonly sql?: string;
}

/** A state of the cluster that recovery can be told to reach. */
export interface RestoreTarget {
  readonly id: string;
  readonly backup: string;
  /** `recovery_target_…` settings. */
  readonly recovery: Readonly<Record<string, string>>;
  /** By database and table. */
  readonly facts: Readonly<Record<string, Readonly<Record<string, TableFact>>>>;
}

/** A backup, in the order in which they were made. */
export interface ExpectedBackup {
  readonly name: string;
  readonly kind: 'full' | 'delta';
  readonly start_lsn: number;
  readonly finish_time: string;
}

/** What `expected.json` says of a fixture; see `test/fixtures/README.md`. */
export interface ExpectedFixture {
  readonly name: string;
  /** Settings that reading needs; `{FIXTURE}` stands for the fixture's folder. */
  readonly read_env: Readonly<Record<string, string>>;
  readonly postgres_version: string;
  readonly wal_segment_size_bytes: number;
  readonly tablespaces: readonly { readonly oid: string; readonly location: string }[];
  readonly backups: readonly ExpectedBackup[];
  readonly fact_sql: string;
  readonly restore_targets: readonly RestoreTarget[];
  readonly libsodium?: { readonly key: string };
  /** One WAL segment for a key on Curve25519. */
  readonly ecc?: { readonly wal_segment: string; readonly sha256_decoded: string };
}

/** A writable copy of a fixture, of the server's user. Disposing removes it. */
export interface Fixture extends Disposable {
  /** Everything is below it; tests may put more there. */
  readonly folder: string;
  /** `WALG_FILE_PREFIX`. */
  readonly storage: string;
  /** What reading needs: where the storage is, and keys. */
  readonly environment: Readonly<Record<string, string>>;
  readonly expected: ExpectedFixture;
  readonly major: number;
  /** Lines of `files/<backup>.tsv`: type, mode, size, sha256 or link target, path. */
  listing(backup: string): readonly string[];
}

/** Makes the copy. @throws Error when there is no such fixture, or an object is not what WAL-G wrote */
export function openFixture(name: string): Fixture {
  const expected = readExpected(name);
  const key = expected.libsodium === undefined ? undefined : Buffer.from(expected.libsodium.key, 'hex');
  const folder = makeServerTemp();
  const storage = join(folder, 'storage');
  copyStorage(name, 'storage', storage, key);
  for (const more of ['keys', 'storage-ecc']) {
    const source = folders.map((one) => join(one, name, more)).find((one) => existsSync(one));
    if (source !== undefined) cpSync(source, join(folder, more), { recursive: true });
  }
  giveToServer(folder);
  const settings = Object.entries(expected.read_env).map(([env, value]) => [env, value.replace('{FIXTURE}', folder)]);
  return {
    folder,
    storage,
    environment: { ...(Object.fromEntries(settings) as Record<string, string>), WALG_FILE_PREFIX: storage },
    expected,
    major: majorOf(expected),
    listing: (backup) => linesOf(readFile(name, `files/${backup}.tsv`)),
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Copies what is here of one storage of a fixture, with modes and times as WAL-G left them.
 *
 * @param storage the folder's name; beside it lies `<storage>_files.tsv`
 * @param key of libsodium, where the fixture has one
 * @throws Error when an object is not what WAL-G wrote
 */
export function copyStorage(name: string, storage: string, destination: string, key?: Buffer): void {
  for (const line of linesOf(readFile(name, `${storage}_files.tsv`))) {
    const [mode = '', , modifiedNs = '', sha256, path = ''] = line.split('\t');
    const bytes = findFile(name, `${storage}/${path}`, key);
    if (bytes === undefined) continue;
    if (sha256Of(bytes) !== sha256) throw new Error(`${name}: ${path} is not what WAL-G wrote`);
    const file = join(destination, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    chmodSync(file, Number.parseInt(mode, 8));
    const seconds = Number(BigInt(modifiedNs) / 1000n) / 1_000_000;
    utimesSync(file, seconds, seconds);
  }
}

/** What is told of a fixture, without making a copy. */
export function readExpected(name: string): ExpectedFixture {
  return JSON.parse(readFile(name, 'expected.json').toString()) as ExpectedFixture;
}

/** The major of the server that was backed up. */
export function majorOf(expected: ExpectedFixture): number {
  return Number(/\(PostgreSQL\) (\d+)/.exec(expected.postgres_version)?.[1]);
}

/** Whether a backup has its data here, not only its JSON objects. */
export function hasData(name: string, backup: string): boolean {
  const data = `storage/basebackups_005/${backup}/tar_partitions`;
  return folders.some((folder) => existsSync(join(folder, name, data)));
}

/** An object of a fixture as WAL-G wrote it, such as `wal_005/000000010000000000000003.lz4`. */
export function readObject(name: string, key: string): Buffer {
  return readFile(name, `storage/${key}`);
}

/** Keys of the objects that a clone has of a fixture. */
export function listObjects(name: string): readonly string[] {
  return listKept(join(folders[0] ?? '', name, 'storage'));
}

/** Any file of a fixture. @throws Error when it is not here */
export function fixtureFile(name: string, path: string): Buffer {
  return readFile(name, path);
}

/** Whether a file of a fixture is here. */
export function hasFixtureFile(name: string, path: string): boolean {
  return folders.some((folder) => isKept(join(folder, name, path)));
}

function readFile(name: string, path: string): Buffer {
  const bytes = findFile(name, path);
  if (bytes === undefined) throw new Error(`no such file of a fixture: ${name}/${path}`);
  return bytes;
}

function findFile(name: string, path: string, key?: Buffer): Buffer | undefined {
  for (const folder of folders) {
    const bytes = readKept(join(folder, name, path), key);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

function linesOf(file: Buffer): readonly string[] {
  return file
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The digest that listings have. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The lines of a listing for what is in a directory now; the root itself is not in it, and links are not followed. */
export function listDirectory(directory: string, prefix = ''): readonly string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    const stat = lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
    const shown = `${prefix}${name}`;
    if (stat.isDirectory()) return [['d', mode, '0', '-', shown].join('\t'), ...listDirectory(path, `${shown}/`)];
    if (stat.isSymbolicLink()) return [['l', mode, '0', readlinkSync(path), shown].join('\t')];
    return [['f', mode, String(stat.size), sha256Of(readFileSync(path)), shown].join('\t')];
  });
}
