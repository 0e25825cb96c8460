/** Inventories of archives made up by tests: backups, segments and histories, without a storage. */
import { sentinelKey, walKey } from '../src/catalog/layout.ts';
import { timeOfDate } from '../src/catalog/time.ts';
import type { BackupMetadata } from '../src/postgres/backup/metadata.ts';
import type { Sentinel, SentinelCommon } from '../src/postgres/backup/sentinel.ts';
import type { ArchivedBackup, Inventory, WalObject } from '../src/postgres/inventory/inventory.ts';
import { parseLsn } from '../src/postgres/lsn.ts';
import { historyFileName, parseTimelineHistory } from '../src/postgres/timeline.ts';
import { segmentName, segmentOf } from '../src/postgres/wal-segment.ts';
import type { ObjectInfo } from '../src/storage/storage.ts';

/** A backup to make up. */
export interface MadeBackup {
  /** Of the segment in its name; default 1. */
  readonly timeline?: number;
  readonly start: string;
  readonly finish: string;
  readonly finishTimeline?: number;
  /** Its base; default: a full backup. */
  readonly parent?: string;
  readonly systemIdentifier?: bigint;
  readonly isPermanent?: boolean;
  /** End of the backup; default a day of 2026. */
  readonly finished?: Date;
  readonly bytes?: number;
}

/** An archive to make up. */
export interface MadeArchive {
  readonly segmentBytes?: number;
  readonly backups?: readonly MadeBackup[];
  /** Numbers of the segments of each timeline. */
  readonly segments?: Readonly<Record<number, Iterable<number>>>;
  /** Texts of history files, by timeline. */
  readonly histories?: Readonly<Record<number, string>>;
  /** When a segment was stored; default a day of 2026. */
  readonly storedAt?: (timeline: number, number: number) => Date;
}

const segmentSize = 16 * 1024 * 1024;
const someDay = new Date('2026-11-21T12:00:00Z');

/** The archive as `readInventories` would tell it. */
export function madeInventory(archive: MadeArchive): Inventory {
  const { segmentBytes = segmentSize, storedAt = () => someDay } = archive;
  const wal: WalObject[] = [];
  for (const [timeline, numbers] of Object.entries(archive.segments ?? {})) {
    for (const number of numbers) {
      const segment = { timeline: Number(timeline), number: BigInt(number) };
      const name = segmentName(segment, segmentBytes);
      const object = objectOf(walKey(`${name}.lz4`), 1000, storedAt(segment.timeline, number));
      wal.push({ kind: 'segment', name, segment, timeline: undefined, object });
    }
  }
  const histories = new Map(
    Object.entries(archive.histories ?? {}).map(([timeline, text]) => [
      Number(timeline),
      parseTimelineHistory(text, Number(timeline)),
    ]),
  );
  for (const timeline of histories.keys()) {
    const name = historyFileName(timeline);
    const object = objectOf(walKey(`${name}.lz4`), 100, someDay);
    wal.push({ kind: 'timeline history', name, segment: undefined, timeline, object });
  }
  return {
    storageName: undefined,
    segmentBytes,
    backups: (archive.backups ?? []).map((one) => backupOf(one, segmentBytes)),
    unfinished: [],
    wal,
    histories,
    unreadableHistories: new Map(),
    others: [],
  };
}

function objectOf(key: string, sizeBytes: number, modified: Date): ObjectInfo {
  return { kind: 'object', key, sizeBytes, modified };
}

function backupOf(made: MadeBackup, segmentBytes: number): ArchivedBackup {
  const { timeline = 1, systemIdentifier = 7n, isPermanent = false, finished = someDay, bytes = 1_000_000 } = made;
  const [startLsn, finishLsn] = [parseLsn(made.start), parseLsn(made.finish)];
  const startSegment = segmentOf(startLsn, timeline, segmentBytes);
  const base = `base_${segmentName(startSegment, segmentBytes)}`;
  const name = made.parent === undefined ? base : `${base}_D_${made.parent.slice('base_'.length, 'base_'.length + 24)}`;
  const times = { startTime: timeOfDate(new Date(finished.getTime() - 60_000)), finishTime: timeOfDate(finished) };
  const common: SentinelCommon = {
    startLsn,
    finishLsn,
    pgVersion: 170_010,
    systemIdentifier,
    uncompressedBytes: bytes,
    compressedBytes: bytes,
    dataDirectoryBytes: undefined,
    tablespaces: undefined,
    userData: undefined,
    filesMetadataDisabled: false,
    summary: { ...times, hostname: 'db1', dataDirectory: '/data', isPermanent },
    finishTimeline: made.finishTimeline,
  };
  const sentinel: Sentinel =
    made.parent === undefined
      ? { kind: 'full', ...common }
      : { kind: 'delta', ...common, parent: made.parent, parentLsn: startLsn, root: made.parent, steps: 1 };
  const metadata: BackupMetadata = {
    ...times,
    hostname: 'db1',
    dataDirectory: '/data',
    pgVersion: common.pgVersion,
    startLsn,
    finishLsn,
    isPermanent,
    systemIdentifier,
    uncompressedBytes: bytes,
    compressedBytes: bytes,
    userData: undefined,
  };
  const key = sentinelKey(name);
  return {
    name,
    entry: { name, sentinelKey: key, sizeBytes: 500, modified: times.finishTime },
    sentinel,
    metadata,
    problem: undefined,
    startSegment,
    isPermanent,
    isPermanenceKnown: true,
    objects: [
      objectOf(key, 500, finished),
      objectOf(`basebackups_005/${name}/tar_partitions/part_001.tar.lz4`, bytes, finished),
    ],
    started: times.startTime,
    finished: times.finishTime,
  };
}
