/** Inventories of archives of MySQL made up by tests, without a storage. */
import { backupFolder, binlogFolder, sentinelKey } from '../src/catalog/layout.ts';
import { inOrderOfCompletion } from '../src/catalog/order.ts';
import { timeOfDate } from '../src/catalog/time.ts';
import { CorruptError } from '../src/errors.ts';
import type { Sentinel } from '../src/mysql/backup/sentinel.ts';
import { binlogNameOf, binlogNamed } from '../src/mysql/binlog/binlog-name.ts';
import type { ArchivedStream, MysqlInventory } from '../src/mysql/inventory/inventory.ts';
import { sortObjects } from '../src/mysql/inventory/sort-objects.ts';
import type { ObjectInfo } from '../src/storage/storage.ts';

/** A backup to make up. */
export interface MadeStream {
  /** When it began: its name comes from it. It is finished and stored a minute later. */
  readonly at: Date;
  /** `mysql-bin.000003`; undefined: it does not say. */
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  /** Name of its base; undefined: a full backup. */
  readonly parent?: string | undefined;
  readonly isPermanent?: boolean;
  /** Its sentinel cannot be read. */
  readonly isDamaged?: boolean;
  /** When it was complete, by the clock of the storage; default: a minute after it began. */
  readonly stored?: Date;
  /** When its sentinel was written last. */
  readonly rewritten?: Date;
  readonly hasJournal?: boolean;
}

/** An archive to make up. */
export interface MadeMysqlArchive {
  readonly storageName?: string;
  readonly backups?: readonly MadeStream[];
  /** By base name: numbers, and when each was stored. */
  readonly binlogs?: Readonly<Record<string, Readonly<Record<number, Date>>>>;
  /** Further objects. */
  readonly objects?: readonly ObjectInfo[];
}

/** `stream_20260102T030405Z` */
export function streamName(at: Date): string {
  return `stream_${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** An object. */
export function objectAt(key: string, modified: Date, sizeBytes = 100): ObjectInfo {
  return { kind: 'object', key, sizeBytes, modified };
}

/** Each number from one to another, stored an hour after the one before. */
export function hourly(from: number, to: number, first: Date): Record<number, Date> {
  const hours = Array.from({ length: to - from + 1 }, (_, n) => n);
  return Object.fromEntries(hours.map((n) => [from + n, new Date(first.getTime() + n * 3_600_000)]));
}

/** Key of a stored binlog. */
export function storedBinlogKey(base: string, number: number): string {
  return `${binlogFolder}/${binlogNameOf(base, number).name}.lz4`;
}

/** The sentinel of a made-up backup. */
export function madeSentinel({ at, start, end, parent, isPermanent = false }: MadeStream): Sentinel {
  const common = {
    ...{ tool: 'xtrabackup' as const, binlogStart: start, binlogEnd: end ?? start, isPermanent, userData: undefined },
    ...{ startTime: timeOfDate(at), stopTime: timeOfDate(finishOf(at)), uncompressedBytes: 1, compressedBytes: 1 },
    ...{ hostname: 'db1', serverUuid: 'u', serverVersion: '8.0.35', serverArch: 'amd64', serverOs: 'linux' },
    ...{ toLsn: 10n, fromLsn: 0n },
  };
  return parent === undefined
    ? { kind: 'full', ...common }
    : { kind: 'increment', ...common, parent, root: parent, steps: 1 };
}

function finishOf(at: Date): Date {
  return new Date(at.getTime() + 60_000);
}

/** The archive as `readMysqlInventories` would tell it. */
export function madeMysqlInventory({
  storageName,
  backups = [],
  binlogs = {},
  objects = [],
}: MadeMysqlArchive): MysqlInventory {
  const listing = [...objects];
  for (const [base, numbers] of Object.entries(binlogs)) {
    for (const [number, stored] of Object.entries(numbers)) {
      listing.push(objectAt(storedBinlogKey(base, Number(number)), stored));
    }
  }
  for (const { at, stored = finishOf(at), rewritten = stored, hasJournal = false } of backups) {
    const name = streamName(at);
    listing.push(objectAt(`${backupFolder(name)}/stream.lz4`, stored, 1000));
    listing.push(objectAt(sentinelKey(name), rewritten));
    if (hasJournal) listing.push(objectAt(`basebackups_005/journal_${name}`, stored));
  }
  const sorted = sortObjects(listing);
  const streams = backups.map((made): ArchivedStream => {
    const name = streamName(made.at);
    const sentinelObject = sorted.sentinels.get(name);
    if (sentinelObject === undefined) throw new TypeError(`two backups of one name: ${name}`);
    const sentinel = made.isDamaged === true ? undefined : madeSentinel(made);
    const { key: own, sizeBytes, modified } = sentinelObject;
    const journal = sorted.journals.get(name);
    return {
      name,
      entry: { name, sentinelKey: own, sizeBytes, modified: timeOfDate(modified) },
      sentinel,
      problem: sentinel === undefined ? new CorruptError('its sentinel is damaged') : undefined,
      started: sentinel?.startTime,
      finished: sentinel?.stopTime,
      position: undefined,
      starts: sentinel?.binlogStart === undefined ? [] : [binlogNamed(sentinel.binlogStart)],
      end: sentinel?.binlogEnd === undefined ? undefined : binlogNamed(sentinel.binlogEnd),
      isPermanent: sentinel?.isPermanent === true,
      isPermanenceKnown: sentinel !== undefined,
      objects: [sentinelObject, ...(sorted.folders.get(name) ?? []), ...(journal === undefined ? [] : [journal])],
    };
  });
  return {
    storageName,
    backups: inOrderOfCompletion(streams, timeOfDate(new Date('2100-01-01T00:00:00Z'))),
    unfinished: [...sorted.folders]
      .filter(([name]) => !sorted.sentinels.has(name))
      .map(([name, own]) => ({ name, isPending: false, objects: own })),
    binlogs: sorted.binlogs,
    tails: sorted.tails,
    leftJournals: [...sorted.journals].flatMap(([name, one]) => (sorted.sentinels.has(name) ? [] : [one])),
    others: sorted.others,
  };
}
