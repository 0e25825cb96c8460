/** Copies of the archives that WAL-G wrote, with the times and modes that git does not keep. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { giveToServer, makeServerTemp } from './postgres/server-user.ts';

const root = resolve(import.meta.dirname, '..');
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

/** What `expected.json` says of a fixture; see `test/fixtures/README.md`. */
export interface ExpectedFixture {
  readonly name: string;
  readonly postgres_version: string;
  readonly tablespaces: readonly { readonly oid: string; readonly location: string }[];
  readonly backups: readonly { readonly name: string; readonly kind: 'full' | 'delta' }[];
  readonly fact_sql: string;
  readonly restore_targets: readonly RestoreTarget[];
}

/** A writable copy of a fixture, of the server's user. Disposing removes it. */
export interface Fixture extends Disposable {
  /** Everything is below it; tests may put more there. */
  readonly folder: string;
  /** `WALG_FILE_PREFIX`. */
  readonly storage: string;
  readonly expected: ExpectedFixture;
  readonly major: number;
  /** Lines of `files/<backup>.tsv`: type, mode, size, sha256 or link target, path. */
  listing(backup: string): readonly string[];
}

/** Makes the copy. @throws Error when there is no such fixture */
export function openFixture(name: string): Fixture {
  const source = folders.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
  if (source === undefined) throw new Error(`no such fixture: ${name}`);
  const folder = makeServerTemp();
  const storage = join(folder, 'storage');
  cpSync(join(source, 'storage'), storage, { recursive: true });
  for (const line of linesOf(join(source, 'storage_files.tsv'))) {
    const [mode = '', , modifiedNs = '', , path = ''] = line.split('\t');
    const file = join(storage, path);
    if (!existsSync(file)) continue;
    chmodSync(file, Number.parseInt(mode, 8));
    const seconds = Number(BigInt(modifiedNs) / 1000n) / 1_000_000;
    utimesSync(file, seconds, seconds);
  }
  giveToServer(folder);
  const expected = JSON.parse(readFileSync(join(source, 'expected.json'), 'utf8')) as ExpectedFixture;
  return {
    folder,
    storage,
    expected,
    major: Number(/\(PostgreSQL\) (\d+)/.exec(expected.postgres_version)?.[1]),
    listing: (backup) => linesOf(join(source, 'files', `${backup}.tsv`)),
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
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
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    return [['f', mode, String(stat.size), sha256, shown].join('\t')];
  });
}
