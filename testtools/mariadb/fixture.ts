/** Copies of the archive of MariaDB that WAL-G wrote, with the times that git does not keep. */
import { join } from 'node:path';
import { copyStorage, fixtureFile, hasFixtureFile } from '../fixture.ts';
import { giveToServer, makeServerTemp } from '../postgres/server-user.ts';
import type { MariadbFact } from './client.ts';
import { rmSync } from 'node:fs';

/** The folder of the fixture. */
export const mariadbFixture = 'mariadb-streams';

/** Its storages: of most backups, of a split one, and of those by `xtrabackup-push`. */
export type MariadbStorageName = 'storage' | 'storage-split' | 'storage-xtra';

/** A state of the server that a restore reaches. */
export interface MariadbTarget {
  readonly id: string;
  readonly backup: string;
  readonly storage: MariadbStorageName;
  /** RFC 3339; null = the backup alone. */
  readonly binlog_replay_until: string | null;
  /** By `database.table`. */
  readonly facts: Readonly<Record<string, MariadbFact>>;
}

/** What `expected.json` says. */
export interface ExpectedMariadb {
  readonly server_version: string;
  readonly backups: readonly {
    readonly name: string;
    readonly label: string;
    readonly storage: MariadbStorageName;
    readonly stream_sha256: string;
    readonly stream_size: number;
  }[];
  readonly restore_targets: readonly MariadbTarget[];
  readonly dump_backup: { readonly name: string; readonly facts: Readonly<Record<string, MariadbFact>> };
  readonly source_binlogs: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
}

/** A writable copy, of the server's user. Disposing removes it. */
export interface MariadbFixture extends Disposable {
  /** Everything is below it; tests may put more there. */
  readonly folder: string;
  /** `WALG_FILE_PREFIX` of each storage. */
  readonly storages: Readonly<Record<MariadbStorageName, string>>;
}

/** Makes the copy. @throws Error when an object is not what WAL-G wrote */
export function openMariadbFixture(): MariadbFixture {
  const folder = makeServerTemp();
  const copied = (storage: MariadbStorageName): string => {
    copyStorage(mariadbFixture, storage, join(folder, storage));
    return join(folder, storage);
  };
  const storages = {
    storage: copied('storage'),
    'storage-split': copied('storage-split'),
    'storage-xtra': copied('storage-xtra'),
  };
  giveToServer(folder);
  return {
    folder,
    storages,
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What is told of the fixture, without making a copy. */
export function readExpectedMariadb(): ExpectedMariadb {
  return JSON.parse(fixtureFile(mariadbFixture, 'expected.json').toString()) as ExpectedMariadb;
}

/** Whether a backup has its data here, not only its JSON objects. */
export function hasStream(storage: MariadbStorageName, backup: string): boolean {
  const names = ['stream', 'stream.lz4', 'stream.br', 'stream.zst', 'stream.lzma', 'part_0000_0000.lz4'];
  return names.some((name) => hasFixtureFile(mariadbFixture, `${storage}/basebackups_005/${backup}/${name}`));
}
