/**
 * The state of an archive, and of the server that fills it, at one moment. Pure; `read-status.ts` gathers what it is made
 * of, and `commands/postgres/status-output/` shows it.
 */
import { dateOfTime, zeroTimeNs, type TimeNs } from '../../catalog/time.ts';
import type { ArchivedBackup, Inventory, WalObject } from '../inventory/inventory.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { recoveryWindows, type RecoveryWindow, type RecoveryWindows } from '../recovery/windows.ts';
import type { VerifyReport } from '../../catalog/verify/report.ts';
import { sizeOf, type ArchiveSize, type SortedObjects } from '../../catalog/status/archive-size.ts';
import type { PolicyPreview, UnplannedPolicy } from '../../catalog/status/policy-preview.ts';
import type { ServerState } from './server-state.ts';

/** A backup, as far as a report shows it. */
export interface StatusBackup {
  readonly name: string;
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  /** Undefined: its sentinel cannot be read. */
  readonly kind: 'full' | 'delta' | undefined;
  readonly timeline: number | undefined;
  readonly systemIdentifier: bigint | undefined;
  readonly started: Date | undefined;
  /** Else the time of its sentinel. */
  readonly finished: Date;
  /** Of its objects in the storage. */
  readonly storedBytes: number;
  readonly isPermanent: boolean;
  /** Why it cannot be used; undefined: it leads into a window. */
  readonly unusable: string | undefined;
  /** What `backup-verify` found out; undefined: nothing yet. */
  readonly report: VerifyReport | undefined;
}

/** A timeline that branched off from another. */
export interface TimelineBranch {
  readonly timeline: number;
  readonly parent: number;
  readonly switchLsn: Lsn;
  /** When its history file was stored, soon after it began. */
  readonly stored: Date;
}

/** The newest WAL that is archived. */
export interface WalState {
  /** The segment that was stored last: of the server's timeline where that is known, else of any. */
  readonly last: { readonly segment: string; readonly stored: Date; readonly end: Lsn } | undefined;
  /** A part of the segment after it, which `wal-receive` renews every few seconds. */
  readonly partial: { readonly segment: string; readonly stored: Date } | undefined;
  /** How far the server is ahead of the last archived segment; undefined when that is not known. */
  readonly lagBytes: number | undefined;
}

/** The state of an archive. */
export interface ArchiveStatus {
  readonly now: Date;
  /** Printable, without credentials. */
  readonly location: string;
  /** Storages that were not looked at since they are not reachable. */
  readonly storagesAway: readonly string[];
  readonly server: ServerState;
  /** In order of completion, oldest first. */
  readonly backups: readonly StatusBackup[];
  /** Folders without a sentinel: running, cut off, or waiting for `backup-finalize`. */
  readonly unfinished: readonly { readonly name: string; readonly isPending: boolean; readonly touched: Date }[];
  readonly recovery: RecoveryWindows;
  /** The window that ends nearest to the present. */
  readonly current: RecoveryWindow | undefined;
  /**
   * What was written before this moment can be recovered, as far as it is known: when the last WAL of the current window was
   * stored, or the part of a segment that follows it.
   */
  readonly recoverableUntil: Date | undefined;
  readonly branches: readonly TimelineBranch[];
  readonly unreadableHistories: readonly { readonly timeline: number; readonly reason: string }[];
  readonly wal: WalState;
  readonly size: ArchiveSize;
  /** Undefined: no policy is configured. */
  readonly policy: PolicyPreview | UnplannedPolicy | undefined;
}

/** What a status is made of. */
export interface StatusFacts extends Pick<ArchiveStatus, 'now' | 'location' | 'storagesAway' | 'server' | 'policy'> {
  readonly inventories: readonly Inventory[];
  /** By the name of the backup. */
  readonly reports: ReadonlyMap<string, VerifyReport>;
}

/** Puts together what was gathered. */
export function archiveStatus({ inventories, reports, ...facts }: StatusFacts): ArchiveStatus {
  const { server, now } = facts;
  const recovery = recoveryWindows(inventories);
  const unusable = new Map(recovery.unusable.map(({ name, reason }) => [name, reason]));
  const backups = inventories
    .flatMap(({ storageName, backups: own }) =>
      own.map((backup) => statusBackup(backup, { storageName, unusable, reports })),
    )
    .toSorted((a, b) => a.finished.getTime() - b.finished.getTime());
  const current = currentWindow(recovery, server);
  const wal = walState(inventories, server);
  const isFollowed = wal.partial !== undefined && wal.partial.segment === current?.missing;
  return {
    ...facts,
    backups,
    unfinished: inventories.flatMap((one) =>
      one.unfinished.map(({ name, isPending, objects }) => ({ name, isPending, touched: newest(objects) })),
    ),
    recovery,
    current,
    recoverableUntil: isFollowed ? wal.partial.stored : current?.to.archived,
    branches: inventories.flatMap(branchesOf),
    unreadableHistories: inventories.flatMap((one) =>
      [...one.unreadableHistories].map(([timeline, { message }]) => ({ timeline, reason: message })),
    ),
    wal,
    size: sizeOf(objectsOf(inventories), now),
  };
}

function statusBackup(
  backup: ArchivedBackup,
  known: {
    readonly storageName: string | undefined;
    readonly unusable: ReadonlyMap<string, string>;
    readonly reports: ReadonlyMap<string, VerifyReport>;
  },
): StatusBackup {
  const { name, sentinel, metadata, startSegment, entry, objects } = backup;
  const report = known.reports.get(name);
  const isOfThis =
    report?.startTime === undefined || backup.started === undefined || report.startTime === backup.started;
  return {
    name,
    storageName: known.storageName,
    kind: sentinel?.kind,
    timeline: startSegment?.timeline,
    systemIdentifier: sentinel?.systemIdentifier ?? metadata?.systemIdentifier,
    started: dateOf(backup.started),
    finished: dateOf(backup.finished) ?? dateOfTime(entry.modified),
    storedBytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    isPermanent: backup.isPermanent,
    unusable: known.unusable.get(name),
    report: isOfThis ? report : undefined,
  };
}

/** By what they are of. */
export function objectsOf(inventories: readonly Inventory[]): SortedObjects {
  return {
    backups: inventories.flatMap((one) => [...one.backups, ...one.unfinished].flatMap(({ objects }) => objects)),
    logs: inventories.flatMap((one) => one.wal.map(({ object }) => object)),
    others: inventories.flatMap((one) => one.others),
  };
}

function dateOf(time: TimeNs | undefined): Date | undefined {
  return time === undefined || time === zeroTimeNs ? undefined : dateOfTime(time);
}

function newest(objects: readonly { readonly modified: Date }[]): Date {
  return new Date(objects.reduce((latest, { modified }) => Math.max(latest, modified.getTime()), 0));
}

/** Of the server's timeline, else the one whose last segment was stored last. */
function currentWindow({ windows }: RecoveryWindows, server: ServerState): RecoveryWindow | undefined {
  const own = windows.findLast(
    ({ timeline, systemIdentifier }) =>
      server.kind === 'answered' && timeline === server.timeline && isOf(server.systemIdentifier, systemIdentifier),
  );
  const ended = (window: RecoveryWindow): number => window.to.archived?.getTime() ?? 0;
  return (
    own ??
    windows.reduce<RecoveryWindow | undefined>((a, b) => (a !== undefined && ended(a) > ended(b) ? a : b), undefined)
  );
}

function isOf(server: bigint | undefined, backup: bigint | undefined): boolean {
  return server === undefined || backup === undefined || server === backup;
}

function branchesOf({ histories, wal }: Inventory): readonly TimelineBranch[] {
  return wal.flatMap(({ timeline, object }) => {
    const last = timeline === undefined ? undefined : histories.get(timeline)?.at(-1);
    if (timeline === undefined || last === undefined) return [];
    return [{ timeline, parent: last.timeline, switchLsn: last.switchLsn, stored: object.modified }];
  });
}

function walState(inventories: readonly Inventory[], server: ServerState): WalState {
  const size = BigInt(inventories[0]?.segmentBytes ?? 1);
  const objects = inventories.flatMap((one) => one.wal);
  const ownTimeline = server.kind === 'answered' ? server.timeline : undefined;
  const segments = objects.filter(({ kind }) => kind === 'segment');
  const own = segments.filter(({ segment }) => segment?.timeline === ownTimeline);
  const last = own.length > 0 ? highest(own) : storedLast(segments);
  const end = last?.segment === undefined ? undefined : toLsn((last.segment.number + 1n) * size);
  const partial = objects.find(
    ({ kind, segment }) =>
      kind === 'partial' &&
      segment?.timeline === last?.segment?.timeline &&
      segment?.number === (last?.segment?.number ?? 0n) + 1n,
  );
  const isOwn = own.length > 0 && server.kind === 'answered' && end !== undefined;
  return {
    last:
      last === undefined || end === undefined ? undefined : { segment: last.name, stored: last.object.modified, end },
    partial:
      partial === undefined ? undefined : { segment: partial.name.slice(0, 24), stored: partial.object.modified },
    lagBytes: isOwn ? Math.max(0, Number(server.lsn - end)) : undefined,
  };
}

function highest(segments: readonly WalObject[]): WalObject | undefined {
  return segments.reduce<WalObject | undefined>(
    (a, b) => ((a?.segment?.number ?? -1n) > (b.segment?.number ?? 0n) ? a : b),
    undefined,
  );
}

function storedLast(segments: readonly WalObject[]): WalObject | undefined {
  return segments.reduce<WalObject | undefined>(
    (a, b) => (a !== undefined && a.object.modified > b.object.modified ? a : b),
    undefined,
  );
}
