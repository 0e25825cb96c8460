/**
 * The list of commands: which verbs there are, each loaded only when it is asked for, so that `wal-push` never pays for
 * `backup-push`. A new command is added here and declares the rest itself.
 */
import type { Command } from './command.ts';
import type { Database } from './database.ts';

/** A command before it is loaded. */
export interface CommandEntry {
  /** As in {@link Command.name}. */
  readonly name: string;
  /** The only database that it is for; two commands for different ones may have the same name. Undefined: it is for any, or asks `databaseOf`. */
  readonly database?: Database;
  load(): Promise<Command>;
}

/** All verbs, in the order of the help. */
export const commandEntries: readonly CommandEntry[] = [
  {
    name: 'backup-push',
    database: 'postgres',
    load: async () => (await import('./postgres/backup-push.ts')).backupPush,
  },
  {
    name: 'backup-fetch',
    database: 'postgres',
    load: async () => (await import('./postgres/backup-fetch.ts')).backupFetch,
  },
  { name: 'backup-push', database: 'mysql', load: async () => (await import('./mysql/backup-push.ts')).backupPush },
  { name: 'backup-fetch', database: 'mysql', load: async () => (await import('./mysql/backup-fetch.ts')).backupFetch },
  {
    name: 'xtrabackup-push',
    database: 'mysql',
    load: async () => (await import('./mysql/xtrabackup-push.ts')).xtrabackupPush,
  },
  { name: 'stream-push', database: 'mysql', load: async () => (await import('./mysql/stream-push.ts')).streamPush },
  { name: 'stream-fetch', database: 'mysql', load: async () => (await import('./mysql/stream-fetch.ts')).streamFetch },
  { name: 'get-stream', database: 'mysql', load: async () => (await import('./mysql/get-stream.ts')).getStream },
  {
    name: 'backup-finalize',
    database: 'postgres',
    load: async () => (await import('./postgres/backup-finalize.ts')).backupFinalize,
  },
  { name: 'backup-list', load: async () => (await import('./backup-list.ts')).backupList },
  { name: 'backup-verify', load: async () => (await import('./backup-verify.ts')).backupVerify },
  { name: 'backup-show', load: async () => (await import('./backup-show.ts')).backupShow },
  { name: 'backup-mark', load: async () => (await import('./backup-mark.ts')).backupMark },
  {
    name: 'catchup-push',
    database: 'postgres',
    load: async () => (await import('./postgres/catchup-push.ts')).catchupPush,
  },
  {
    name: 'catchup-fetch',
    database: 'postgres',
    load: async () => (await import('./postgres/catchup-fetch.ts')).catchupFetch,
  },
  {
    name: 'catchup-list',
    database: 'postgres',
    load: async () => (await import('./postgres/catchup-list.ts')).catchupList,
  },
  { name: 'wal-push', database: 'postgres', load: async () => (await import('./postgres/wal-push.ts')).walPush },
  { name: 'wal-fetch', database: 'postgres', load: async () => (await import('./postgres/wal-fetch.ts')).walFetch },
  {
    name: 'wal-prefetch',
    database: 'postgres',
    load: async () => (await import('./postgres/wal-prefetch.ts')).walPrefetch,
  },
  { name: 'wal-show', database: 'postgres', load: async () => (await import('./postgres/wal-show.ts')).walShow },
  { name: 'wal-verify', database: 'postgres', load: async () => (await import('./postgres/wal-verify.ts')).walVerify },
  { name: 'copy', load: async () => (await import('./copy.ts')).copy },
  { name: 'backup-copy', database: 'mysql', load: async () => (await import('./mysql/backup-copy.ts')).backupCopy },
  {
    name: 'wal-receive',
    database: 'postgres',
    load: async () => (await import('./postgres/wal-receive.ts')).walReceive,
  },
  { name: 'delete retain', load: async () => (await import('./delete.ts')).deleteRetain },
  { name: 'delete before', load: async () => (await import('./delete.ts')).deleteBefore },
  { name: 'delete target', load: async () => (await import('./delete.ts')).deleteTarget },
  { name: 'delete everything', load: async () => (await import('./delete.ts')).deleteEverything },
  { name: 'delete garbage', load: async () => (await import('./delete.ts')).deleteGarbage },
  { name: 'delete policy', load: async () => (await import('./delete.ts')).deletePolicy },
  {
    name: 'wal-restore',
    database: 'postgres',
    load: async () => (await import('./postgres/wal-restore.ts')).walRestore,
  },
  {
    name: 'binlog-list',
    database: 'mysql',
    load: async () => (await import('./mysql/binlog-list.ts')).binlogList,
  },
  {
    name: 'binlog-find',
    database: 'mysql',
    load: async () => (await import('./mysql/binlog-find.ts')).binlogFind,
  },
  {
    name: 'binlog-push',
    database: 'mysql',
    load: async () => (await import('./mysql/binlog-push.ts')).binlogPush,
  },
  {
    name: 'binlog-fetch',
    database: 'mysql',
    load: async () => (await import('./mysql/binlog-fetch.ts')).binlogFetch,
  },
  {
    name: 'binlog-replay',
    database: 'mysql',
    load: async () => (await import('./mysql/binlog-replay.ts')).binlogReplay,
  },
  {
    name: 'binlog-server',
    database: 'mysql',
    load: async () => (await import('./mysql/binlog-server.ts')).binlogServer,
  },
  { name: 'mirror sync', load: async () => (await import('./mirror-sync.ts')).mirrorSync },
  { name: 'st ls', load: async () => (await import('./st/ls.ts')).stLs },
  { name: 'st stat', load: async () => (await import('./st/stat.ts')).stStat },
  { name: 'st get', load: async () => (await import('./st/get.ts')).stGet },
  { name: 'st cat', load: async () => (await import('./st/cat.ts')).stCat },
  { name: 'st put', load: async () => (await import('./st/put.ts')).stPut },
  { name: 'st rm', load: async () => (await import('./st/rm.ts')).stRm },
  { name: 'st copy', load: async () => (await import('./st/copy.ts')).stCopy },
  { name: 'st check read', load: async () => (await import('./st/check.ts')).stCheckRead },
  { name: 'st check write', load: async () => (await import('./st/check.ts')).stCheckWrite },
  { name: 'st transfer files', load: async () => (await import('./st/transfer-files.ts')).stTransferFiles },
  {
    name: 'st transfer pg-wals',
    database: 'postgres',
    load: async () => (await import('./st/transfer-files.ts')).stTransferWals,
  },
  { name: 'st transfer backups', load: async () => (await import('./st/transfer-backups.ts')).stTransferBackups },
  { name: 'key check', load: async () => (await import('./key-check.ts')).keyCheck },
  { name: 'status', load: async () => (await import('./status.ts')).status },
  { name: 'doctor', load: async () => (await import('./doctor.ts')).doctor },
];

/** What the commands of a group have in common, by the first words of their names. */
export const commandGroups: ReadonlyMap<string, string> = new Map([
  ['delete', 'Deleting backups, WAL and binlogs; without --confirm, the commands only tell what would go.'],
  ['key', 'The keys that encrypt new objects and decrypt those in the storage.'],
  ['mirror', 'The storages that hold a copy of everything.'],
  ['st', 'Tools for the objects of the storage. They know nothing of backups and ask nothing: be careful.'],
  ['st check', 'Whether the storage can be read and written.'],
  ['st transfer', 'Moving objects from one of several storages to another.'],
]);
