/** Archives with a past: what happened to clusters, one thing after another, and what that left. For tests of retention. */
import fc from 'fast-check';
import { backupFolder, sentinelKey, walKey } from '../../src/catalog/layout.ts';
import { timeOfDate } from '../../src/catalog/time.ts';
import { CorruptError } from '../../src/errors.ts';
import { walFileNameOf } from '../../src/postgres/backup/names.ts';
import type { Sentinel } from '../../src/postgres/backup/sentinel.ts';
import type { ArchivedBackup, Inventory, UnfinishedBackup } from '../../src/postgres/inventory/inventory.ts';
import { sortObjects } from '../../src/postgres/inventory/sort-objects.ts';
import { toLsn } from '../../src/postgres/lsn.ts';
import type { TimelineSwitch } from '../../src/postgres/timeline.ts';
import { historyFileName } from '../../src/postgres/timeline.ts';
import { verifyReportKey } from '../../src/catalog/verify/report.ts';
import { parseSegmentName, segmentName, segmentOf } from '../../src/postgres/wal-segment.ts';
import type { ObjectInfo } from '../../src/storage/storage.ts';

/** Something that happens. */
export type Event =
  | { readonly what: 'wal'; readonly segments: number; readonly lost: number | undefined }
  | {
      readonly what: 'backup';
      /** Which earlier backup it builds on, counted from the newest; undefined: a full one. */
      readonly base: number | undefined;
      readonly permanent: boolean;
      /** Only the backup itself is marked, not what it builds on. */
      readonly marksAlone: boolean;
      readonly during: number;
      readonly damage: 'none' | 'sentinel' | 'metadata';
      readonly verified: boolean;
    }
  | { readonly what: 'failover'; readonly back: number; readonly abandoned: number }
  | { readonly what: 'upgrade'; readonly restarts: boolean }
  | { readonly what: 'cut off'; readonly base: number | undefined; readonly pending: boolean }
  | { readonly what: 'catchup' }
  | { readonly what: 'clock'; readonly skewHours: number }
  | { readonly what: 'pause'; readonly hours: number }
  | { readonly what: 'other storage' };

const some = fc.nat({ max: 4 });
const base = fc.option(fc.nat({ max: 2 }), { nil: undefined, freq: 2 });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    arbitrary: fc.record({
      what: fc.constant('wal'),
      segments: some,
      lost: fc.option(some, { nil: undefined, freq: 1 }),
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      what: fc.constant('backup'),
      base,
      permanent: fc.integer({ min: 0, max: 5 }).map((n) => n === 5),
      marksAlone: fc.boolean(),
      during: fc.nat({ max: 2 }),
      damage: fc.integer({ min: 0, max: 39 }).map((n) => (n === 39 ? 'sentinel' : n === 38 ? 'metadata' : 'none')),
      verified: fc.boolean(),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({ what: fc.constant('failover'), back: fc.nat({ max: 3 }), abandoned: fc.nat({ max: 2 }) }),
    weight: 1,
  },
  { arbitrary: fc.record({ what: fc.constant('upgrade'), restarts: fc.boolean() }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('cut off'), base, pending: fc.boolean() }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('catchup') }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('clock'), skewHours: fc.integer({ min: -60, max: 60 }) }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('pause'), hours: fc.integer({ min: 1, max: 60 }) }), weight: 3 },
  { arbitrary: fc.record({ what: fc.constant('other storage') }), weight: 1 },
);

/** What happened, and what became of the objects' times afterwards. */
export interface Past {
  readonly events: readonly Event[];
  /** `copied`: all objects are as young as a copy made at the end, in the order of their names. */
  readonly times: 'kept' | 'copied';
}

/** Any past. */
export const anyPast: fc.Arbitrary<Past> = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 40, size: 'max' }),
  times: fc.constantFrom('kept', 'kept', 'copied'),
});

/** A backup as it really was. */
export interface TrueBackup {
  readonly name: string;
  readonly storageName: string;
  readonly system: bigint;
  readonly timeline: number;
  /** Numbers of segments. */
  readonly start: bigint;
  readonly finish: bigint;
  readonly parent: TrueBackup | undefined;
  /** Which came how late. */
  readonly order: number;
}

/** A segment as it really was. */
export interface TrueSegment {
  readonly key: string;
  readonly storageName: string;
  readonly system: bigint;
  readonly timeline: number;
  readonly number: bigint;
  /** So many backups had been completed before. */
  readonly order: number;
}

/** An archive, and the truth about it, of which names tell only a part. */
export interface MadePast {
  readonly inventories: readonly Inventory[];
  readonly now: bigint;
  readonly backups: readonly TrueBackup[];
  readonly segments: readonly TrueSegment[];
  /** Pushes that were cut off, by storage and name. */
  readonly cutOff: ReadonlyMap<string, Omit<TrueBackup, 'finish' | 'order'>>;
  /** Whether the clocks of the hosts were right all the time, and times of objects are those of their writing. */
  readonly isTimely: boolean;
  /** Whether the numbers of segments began anew with a new system. */
  readonly isRestarted: boolean;
  /** Whether two systems gave segments or history files the same name, which `wal-push` refuses. */
  readonly doNamesMeet: boolean;
  /** Whether times of objects are those of their writing. */
  readonly areTimesKept: boolean;
  /** Whether WAL of a timeline of a system follows a backup. */
  follows(segment: TrueSegment, backup: TrueBackup): boolean;
}

const segmentBytes = 16 * 1024 * 1024;
const startMs = Date.parse('2026-01-01T00:00:00Z');
const hourMs = 3_600_000;

/** Lets all of it happen. */
export function madePast({ events, times }: Past): MadePast {
  const objects = new Map<string, Map<string, ObjectInfo>>([['default', new Map()]]);
  const histories = new Map<string, Map<number, readonly TimelineSwitch[]>>();
  const facts = new Map<string, Omit<ArchivedBackup, 'objects'>>();
  const backups: TrueBackup[] = [];
  const segments: TrueSegment[] = [];
  const cutOff = new Map<string, Omit<TrueBackup, 'finish' | 'order'>>();
  const lineages = new Map<string, readonly TimelineSwitch[]>();
  const owners = new Map<string, bigint>();
  let doNamesMeet = false;
  let storageName = 'default';
  let system = 7_000_000_000_000_000_001n;
  let [timeline, highest, next, ms, skewMs, isTimely] = [1, 1, 1n, startMs, 0, times === 'kept'];

  const put = (key: string, sizeBytes = 1000): boolean => {
    const stored = objects.get(storageName) ?? new Map<string, ObjectInfo>();
    objects.set(storageName, stored);
    if (stored.has(key)) return false;
    ms += 1000;
    stored.set(key, { kind: 'object', key, sizeBytes, modified: new Date(ms) });
    return true;
  };
  const claim = (name: string): void => {
    doNamesMeet ||= (owners.get(name) ?? system) !== system;
    owners.set(name, system);
  };
  const archive = (number: bigint, onTimeline = timeline): void => {
    claim(segmentName({ timeline: onTimeline, number }, segmentBytes));
    const key = walKey(`${segmentName({ timeline: onTimeline, number }, segmentBytes)}.lz4`);
    if (put(key)) segments.push({ key, storageName, system, timeline: onTimeline, number, order: backups.length });
    const name = segmentName({ timeline: onTimeline, number }, segmentBytes);
    if (number % 16n === 0n) put(walKey(`${name}_delta.lz4`));
    if (number % 5n === 0n) put(walKey(`${name}.json`));
  };
  const nameOf = (start: bigint, parent: TrueBackup | undefined): string => {
    const own = `base_${segmentName({ timeline, number: start }, segmentBytes)}`;
    return parent === undefined ? own : `${own}_D_${parent.name.slice(5, 29)}`;
  };
  const parentOf = (back: number | undefined): TrueBackup | undefined =>
    back === undefined ? undefined : backups.filter((one) => one.system === system).at(-1 - back);

  for (const happens of events) {
    switch (happens.what) {
      case 'wal':
        for (let count = 0; count < happens.segments; count++, next++) {
          if (count !== happens.lost) archive(next);
        }
        break;
      case 'backup': {
        const parent = parentOf(happens.base);
        const start = next;
        const name = nameOf(start, parent);
        const startTime = timeOfDate(new Date(ms + skewMs));
        if (!put(`${backupFolder(name)}/tar_partitions/part_001.tar.lz4`, 5000)) break;
        for (let count = 0; count <= happens.during; count++, next++) archive(next);
        const finish = next - 1n;
        put(walKey(`${segmentName({ timeline, number: start }, segmentBytes)}.00000028.backup.lz4`));
        put(`${backupFolder(name)}/metadata.json`);
        const finishTime = timeOfDate(new Date(ms + skewMs));
        if (!put(sentinelKey(name))) break;
        if (happens.verified) put(verifyReportKey(name));
        const made: TrueBackup = { name, storageName, system, timeline, start, finish, parent, order: backups.length };
        backups.push(made);
        facts.set(`${storageName} ${name}`, factsOf(made, { startTime, finishTime, ...happens }));
        const isMarked = happens.permanent && !happens.marksAlone;
        for (let one = parent; isMarked && one !== undefined; one = one.parent) {
          const known = facts.get(`${one.storageName} ${one.name}`);
          if (known !== undefined) facts.set(`${one.storageName} ${one.name}`, { ...known, isPermanent: true });
        }
        break;
      }
      case 'failover': {
        for (let count = 0n; count < happens.abandoned; count++) archive(next + count);
        const from = next > BigInt(happens.back) ? next - BigInt(happens.back) : next;
        const way = lineages.get(`${system} ${timeline}`) ?? [];
        // A switch before the own timeline began would not be one of it.
        const begun = way.at(-1)?.switchLsn ?? 0n;
        const switchLsn = toLsn(from * BigInt(segmentBytes) + 100n);
        if (switchLsn <= begun) break;
        const history = [...way, { timeline, switchLsn, reason: 'failover' }];
        highest += 1;
        claim(historyFileName(highest));
        if (put(walKey(`${historyFileName(highest)}.lz4`), 50)) {
          const own = histories.get(storageName) ?? new Map<number, readonly TimelineSwitch[]>();
          histories.set(storageName, own.set(highest, history));
        }
        lineages.set(`${system} ${highest}`, history);
        timeline = highest;
        next = from;
        break;
      }
      case 'upgrade':
        system += 1n;
        [timeline, highest] = [1, 1];
        if (happens.restarts) next = 1n;
        break;
      case 'cut off': {
        const parent = parentOf(happens.base);
        const name = nameOf(next, parent);
        if (put(`${backupFolder(name)}/tar_partitions/part_001.tar.lz4`, 3000) && happens.pending) {
          put(`${backupFolder(name)}/walvault_pending_sentinel.json`);
        }
        cutOff.set(`${storageName} ${name}`, { name, storageName, system, timeline, start: next, parent });
        break;
      }
      case 'catchup': {
        const name = nameOf(next, undefined);
        put(`catchup_005/${name}/tar_partitions/part_001.tar.lz4`);
        put(`catchup_005/${name}_backup_stop_sentinel.json`);
        break;
      }
      case 'clock':
        skewMs = happens.skewHours * hourMs;
        if (skewMs !== 0) isTimely = false;
        break;
      case 'pause':
        ms += happens.hours * hourMs;
        break;
      case 'other storage':
        storageName = storageName === 'default' ? 'second' : 'default';
    }
  }

  const inventories = [...objects].map(([name, stored]) =>
    inventoryOf(name, times === 'kept' ? [...stored.values()] : copied([...stored.values()], ms), {
      facts,
      histories: histories.get(name) ?? new Map<number, readonly TimelineSwitch[]>(),
    }),
  );
  return {
    inventories,
    now: timeOfDate(new Date(ms + 2 * hourMs)),
    backups,
    segments,
    cutOff,
    isTimely,
    isRestarted: events.some((one) => one.what === 'upgrade' && one.restarts),
    doNamesMeet,
    areTimesKept: times === 'kept',
    follows(segment, { system: own, timeline: onTimeline, start, finish }) {
      if (segment.system !== own || segment.number < start) return false;
      if (segment.timeline === onTimeline) return true;
      const way = lineages.get(`${own} ${segment.timeline}`) ?? [];
      const left = way.find((one) => one.timeline === onTimeline);
      return left !== undefined && left.switchLsn / BigInt(segmentBytes) >= finish;
    },
  };
}

type Made = Extract<Event, { what: 'backup' }> & { readonly startTime: bigint; readonly finishTime: bigint };

function factsOf(
  made: TrueBackup,
  { startTime, finishTime, permanent, damage }: Made,
): Omit<ArchivedBackup, 'objects'> {
  const { name, timeline, start, finish, parent, system } = made;
  const startLsn = toLsn(start * BigInt(segmentBytes) + 40n);
  const finishLsn = toLsn(finish * BigInt(segmentBytes) + 300n);
  const summary = { startTime, finishTime, hostname: 'db1', dataDirectory: '/data', isPermanent: permanent };
  const common = {
    ...{ startLsn, finishLsn, pgVersion: 170_000, systemIdentifier: system, uncompressedBytes: 1, compressedBytes: 1 },
    ...{ dataDirectoryBytes: 1, tablespaces: undefined, userData: undefined, filesMetadataDisabled: false, summary },
  };
  const sentinel: Sentinel =
    parent === undefined
      ? { kind: 'full', ...common }
      : { kind: 'delta', ...common, parent: parent.name, parentLsn: startLsn, root: rootOf(parent), steps: 1 };
  return {
    name,
    entry: { name, sentinelKey: sentinelKey(name), sizeBytes: 500, modified: 0n },
    sentinel: damage === 'sentinel' ? undefined : sentinel,
    metadata: { ...summary, ...common, userData: undefined, isPermanent: permanent },
    problem: damage === 'none' ? undefined : new CorruptError(`${damage} is damaged`),
    startSegment: segmentOf(startLsn, timeline, segmentBytes),
    isPermanent: permanent,
    isPermanenceKnown: damage !== 'metadata',
    started: startTime,
    finished: finishTime,
  };
}

function rootOf(backup: TrueBackup): string {
  return backup.parent === undefined ? backup.name : rootOf(backup.parent);
}

function copied(stored: readonly ObjectInfo[], ms: number): readonly ObjectInfo[] {
  return stored
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map((object, at) => ({ ...object, modified: new Date(ms + at) }));
}

function inventoryOf(
  storageName: string,
  stored: readonly ObjectInfo[],
  known: {
    readonly facts: ReadonlyMap<string, Omit<ArchivedBackup, 'objects'>>;
    readonly histories: ReadonlyMap<number, readonly TimelineSwitch[]>;
  },
): Inventory {
  const { sentinels, folders, wal, others } = sortObjects(stored, segmentBytes);
  const unfinished = [...folders]
    .filter(([name]) => !sentinels.has(name))
    .map(([name, objects]): UnfinishedBackup => ({
      name,
      startSegment: parseSegmentName(walFileNameOf(name), segmentBytes),
      isPending: objects.some(({ key }) => key.endsWith('walvault_pending_sentinel.json')),
      objects,
    }));
  const backups = [...sentinels].flatMap(([name, sentinel]): ArchivedBackup[] => {
    const fact = known.facts.get(`${storageName} ${name}`);
    if (fact === undefined) return [];
    const entry = { ...fact.entry, modified: timeOfDate(sentinel.modified) };
    return [{ ...fact, entry, objects: [sentinel, ...(folders.get(name) ?? [])] }];
  });
  return {
    ...{ storageName, segmentBytes, backups, unfinished, wal, others },
    histories: known.histories,
    unreadableHistories: new Map(),
  };
}
