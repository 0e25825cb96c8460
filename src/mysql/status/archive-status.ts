/**
 * The state of an archive of MySQL, and of the server that fills it, at one moment. Pure; `read-status.ts` gathers what it is
 * made of, and `commands/mysql/status-output/` shows it.
 */
import { sizeOf, type ArchiveSize } from '../../catalog/status/archive-size.ts';
import type { StorageFacts } from '../../catalog/status/storage-problems.ts';
import { dateOfTime, timeOfDate, zeroTimeNs, type TimeNs } from '../../catalog/time.ts';
import type { VerifyReport } from '../../catalog/verify/report.ts';
import { parseBinlogName, type BinlogName } from '../binlog/binlog-name.ts';
import type { ArchivedStream, MysqlInventory } from '../inventory/inventory.ts';
import { recoveryWindows, type RecoveryWindow, type RecoveryWindows } from '../inventory/windows.ts';
import type { ServerState } from './server-state.ts';

/** A backup, as far as a report shows it. */
export interface StatusBackup {
  readonly name: string;
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  /** Undefined: its sentinel cannot be read. */
  readonly kind: 'full' | 'increment' | undefined;
  /** The binlog that a replay begins in. */
  readonly binlog: string | undefined;
  readonly started: Date | undefined;
  /** Else the time of its sentinel. */
  readonly finished: Date;
  /** Of its objects in the storage. */
  readonly storedBytes: number;
  readonly isPermanent: boolean;
  /** Why it cannot be restored. */
  readonly unusable: string | undefined;
  /** Why it can be restored, and not rolled forward. */
  readonly alone: string | undefined;
  /** What `backup-verify` found out; undefined: nothing yet. */
  readonly report: VerifyReport | undefined;
}

/** A binlog in the archive. */
export interface StatusBinlog {
  readonly name: string;
  readonly stored: Date;
}

/** How far the archive is behind the server. */
export interface BinlogLag {
  /** Closed binlogs of the server that are not in the archive. */
  readonly binlogs: number;
  /** What of the server's binlogs is not in the archive, the active one included. */
  readonly bytes: number;
  /** Binlogs that neither the archive has nor the server any more: the first, and how many. */
  readonly lost: { readonly first: number; readonly count: number } | undefined;
}

/** The state of an archive. */
export interface MysqlStatus extends StorageFacts {
  /** Printable, without credentials. */
  readonly location: string;
  readonly server: ServerState;
  /** In order of completion, oldest first. */
  readonly backups: readonly StatusBackup[];
  readonly recovery: RecoveryWindows;
  /** The window that ends nearest to the present. */
  readonly current: RecoveryWindow | undefined;
  /** The complete binlog with the highest number: of the server's base name where that is known, else of the one stored last. */
  readonly last: StatusBinlog | undefined;
  /** The one behind it whose beginning `binlog-push --follow` has stored. */
  readonly tail: StatusBinlog | undefined;
  /** Undefined when it is not known. */
  readonly lag: BinlogLag | undefined;
  readonly size: ArchiveSize;
}

/** What a status is made of. */
export interface StatusFacts extends Pick<MysqlStatus, 'now' | 'location' | 'storagesAway' | 'server' | 'policy'> {
  readonly inventories: readonly MysqlInventory[];
  /** By the name of the backup. */
  readonly reports: ReadonlyMap<string, VerifyReport>;
  /** Sizes of the followed beginnings of binlogs, as the server has them. */
  readonly tailBytes: ReadonlyMap<string, number>;
}

/** Puts together what was gathered. */
export function mysqlStatus({ inventories, reports, tailBytes, ...facts }: StatusFacts): MysqlStatus {
  const { server, now } = facts;
  const recovery = recoveryWindows(inventories, timeOfDate(now));
  const unusable = new Map(recovery.unusable.map(({ name, reason }) => [name, reason]));
  const alone = new Map(recovery.alone.map(({ name, reason }) => [name, reason]));
  const backups = inventories
    .flatMap(({ storageName, backups: own }) =>
      own.map((backup) => ({
        ...statusBackup(backup, storageName, reports.get(backup.name)),
        unusable: unusable.get(backup.name),
        alone: alone.get(backup.name),
      })),
    )
    .toSorted((a, b) => a.finished.getTime() - b.finished.getTime());
  const base = server.kind === 'answered' ? parseBinlogName(server.active?.name ?? '')?.base : undefined;
  const last = lastOf(inventories, 'binlogs', base);
  const followed = lastOf(inventories, 'tails', last?.binlog.base ?? base);
  const tail = followed !== undefined && followed.binlog.number > (last?.binlog.number ?? -1) ? followed : undefined;
  return {
    ...facts,
    backups,
    unfinished: inventories.flatMap((one) =>
      one.unfinished.map(({ name, isPending, objects }) => ({ name, isPending, touched: newestOf(objects) })),
    ),
    recovery,
    current: currentWindow(recovery, base),
    last: last && { name: last.binlog.name, stored: last.stored },
    tail: tail && { name: tail.binlog.name, stored: tail.stored },
    lag: lagOf(server, last?.binlog, { tail: tail?.binlog, tailBytes }),
    size: sizeOf(
      {
        backups: inventories.flatMap((one) => [...one.backups, ...one.unfinished].flatMap(({ objects }) => objects)),
        logs: inventories.flatMap((one) => [...one.binlogs, ...one.tails].map(({ object }) => object)),
        others: inventories.flatMap((one) => [...one.leftJournals, ...one.others]),
      },
      now,
    ),
  };
}

function statusBackup(
  backup: ArchivedStream,
  storageName: string | undefined,
  report: VerifyReport | undefined,
): Omit<StatusBackup, 'unusable' | 'alone'> {
  const { name, entry, sentinel, objects } = backup;
  return {
    ...{ name, storageName },
    kind: sentinel?.kind,
    binlog: backup.starts[0]?.name,
    started: dateOf(backup.started),
    finished: dateOf(backup.finished) ?? dateOfTime(entry.modified),
    storedBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    isPermanent: backup.isPermanent,
    // Another backup may have had this name.
    report: report?.startTime === sentinel?.startTime ? report : undefined,
  };
}

function dateOf(time: TimeNs | undefined): Date | undefined {
  return time === undefined || time === zeroTimeNs ? undefined : dateOfTime(time);
}

function newestOf(objects: readonly { readonly modified: Date }[]): Date {
  return new Date(objects.reduce((latest, { modified }) => Math.max(latest, modified.getTime()), 0));
}

interface LastBinlog {
  readonly binlog: BinlogName;
  readonly stored: Date;
}

/** The highest number of a base name; without one, of that whose binlog was stored last. */
function lastOf(
  inventories: readonly MysqlInventory[],
  which: 'binlogs' | 'tails',
  base: string | undefined,
): LastBinlog | undefined {
  const all = inventories
    .flatMap((one) => one[which])
    .map(({ binlog, object }) => ({ binlog, stored: object.modified }));
  const own = all.filter(({ binlog }) => binlog.base === base);
  const newest = all.reduce<LastBinlog | undefined>(
    (a, b) => (a !== undefined && a.stored > b.stored ? a : b),
    undefined,
  );
  const candidates = own.length > 0 ? own : all.filter(({ binlog }) => binlog.base === newest?.binlog.base);
  return candidates.reduce<LastBinlog | undefined>((a, b) => {
    if (a === undefined || b.binlog.number > a.binlog.number) return b;
    return b.binlog.number === a.binlog.number && b.stored > a.stored ? b : a;
  }, undefined);
}

function currentWindow({ windows }: RecoveryWindows, base: string | undefined): RecoveryWindow | undefined {
  const own = windows.filter((window) => window.base === base);
  const candidates = own.length > 0 ? own : windows;
  return candidates.reduce<RecoveryWindow | undefined>(
    (a, b) => (a !== undefined && a.to.stored > b.to.stored ? a : b),
    undefined,
  );
}

function lagOf(
  server: ServerState,
  last: BinlogName | undefined,
  { tail, tailBytes }: { readonly tail: BinlogName | undefined; readonly tailBytes: ReadonlyMap<string, number> },
): BinlogLag | undefined {
  if (server.kind !== 'answered') return undefined;
  const active = parseBinlogName(server.active?.name ?? '');
  if (active === undefined || last?.base !== active.base || last.number >= active.number) {
    return undefined;
  }
  const behind = server.binlogs.flatMap(({ name, sizeBytes }) => {
    const binlog = parseBinlogName(name);
    return binlog?.base === last.base && binlog.number > last.number ? [{ binlog, sizeBytes }] : [];
  });
  const oldest = Math.min(...behind.map(({ binlog }) => binlog.number), active.number);
  const covered = tail === undefined ? 0 : (tailBytes.get(tail.name) ?? 0);
  return {
    binlogs: behind.filter(({ binlog }) => binlog.number !== active.number).length,
    bytes: Math.max(0, behind.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - covered),
    lost: oldest > last.number + 1 ? { first: last.number + 1, count: oldest - last.number - 1 } : undefined,
  };
}
