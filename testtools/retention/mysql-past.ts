/** Archives of MySQL with a random past, and the truth about them, of which names and times tell only a part. */
import fc from 'fast-check';
import { timeOfDate, type TimeNs } from '../../src/catalog/time.ts';
import type { MysqlInventory } from '../../src/mysql/inventory/inventory.ts';
import { binlogNameOf } from '../../src/mysql/binlog/binlog-name.ts';
import { madeMysqlInventory, objectAt, storedBinlogKey, streamName, type MadeStream } from '../made-mysql-inventory.ts';

/** Something that happens. */
export type MysqlEvent =
  /** Binlogs are closed; and pushed, with all that were not before. */
  | { readonly what: 'binlogs'; readonly count: number; readonly pushed: boolean }
  | {
      readonly what: 'backup';
      /** So many backups before: what it builds on. */
      readonly base: number | undefined;
      readonly permanent: boolean;
      /** What it says of where it stands; `uploaded`: the newest binlog in the archive, as WAL-G does. */
      readonly says: 'active' | 'uploaded' | 'nothing';
      readonly damaged: boolean;
      /** It is marked, and the mark taken away again. */
      readonly touched: boolean;
    }
  /** Another server goes on: with another base name, or with other numbers. */
  | { readonly what: 'failover'; readonly renamed: boolean; readonly shift: number }
  /** The server is set up anew. */
  | { readonly what: 'reset' }
  | { readonly what: 'cut off' }
  | { readonly what: 'clock'; readonly skewHours: number }
  | { readonly what: 'pause'; readonly hours: number }
  | { readonly what: 'other storage' };

const event: fc.Arbitrary<MysqlEvent> = fc.oneof(
  {
    arbitrary: fc.record({ what: fc.constant('binlogs'), count: fc.integer({ min: 1, max: 5 }), pushed: fc.boolean() }),
    weight: 8,
  },
  {
    arbitrary: fc.record({
      what: fc.constant('backup'),
      base: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
      permanent: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      says: fc.constantFrom('active', 'active', 'active', 'uploaded', 'nothing'),
      damaged: fc.integer({ min: 0, max: 29 }).map((n) => n === 0),
      touched: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      what: fc.constant('failover'),
      renamed: fc.boolean(),
      shift: fc.constantFrom(-200, -100, 100),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ what: fc.constant('reset') }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('cut off') }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('clock'), skewHours: fc.integer({ min: -20, max: 20 }) }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant('pause'), hours: fc.integer({ min: 1, max: 60 }) }), weight: 3 },
  { arbitrary: fc.record({ what: fc.constant('other storage') }), weight: 1 },
);

/** What happened, and what became of the objects' times afterwards. */
export interface MysqlPast {
  readonly events: readonly MysqlEvent[];
  /** `copied`: all objects are as young as a copy made at the end, in the order of their names. */
  readonly times: 'kept' | 'copied';
}

/** Any past. */
export const anyMysqlPast: fc.Arbitrary<MysqlPast> = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 40, size: 'max' }),
  times: fc.constantFrom('kept', 'kept', 'copied'),
});

/** A backup as it really was. */
export interface TrueStream {
  readonly name: string;
  readonly system: number;
  /** The binlog that was active when it began. */
  readonly active: number;
  readonly made: MadeStream;
  readonly parent: TrueStream | undefined;
}

/** A stored binlog as it really was: `place` counts the binlogs of all servers as they were written. */
export interface TrueBinlog {
  readonly key: string;
  readonly storageName: string;
  readonly system: number;
  readonly place: number;
  readonly base: string;
  readonly number: number;
  readonly stored: Date;
}

/** An archive, and the truth about it. */
export interface MadeMysqlPast {
  readonly inventories: readonly MysqlInventory[];
  readonly now: TimeNs;
  readonly backups: readonly TrueStream[];
  readonly binlogs: readonly TrueBinlog[];
  /** One server with a right clock, in one storage, whose backups all say where they stand, and nothing was cut off. */
  readonly isSimple: boolean;
  /** Nobody can tell what follows what: two binlogs had one name, or numbers went back and times are not those of writing. */
  readonly isAmbiguous: boolean;
}

/** Lets all of it happen. */
export function madeMysqlPast({ events, times }: MysqlPast): MadeMysqlPast {
  const streams = new Map<string, MadeStream[]>([['default', []]]);
  const objects = new Map<string, Map<string, Date>>([['default', new Map()]]);
  const backups: TrueStream[] = [];
  const binlogs: TrueBinlog[] = [];
  const waiting: Omit<TrueBinlog, 'storageName' | 'stored'>[] = [];
  let [base, number, place, system] = ['bin', 300, 0, 1];
  let [ms, skewMs, storageName, doNamesMeet, goesBack] = [
    Date.parse('2026-01-01T00:00:00Z'),
    0,
    'default',
    false,
    false,
  ];
  const put = (key: string): void => {
    ms += 1000;
    objects.set(storageName, (objects.get(storageName) ?? new Map<string, Date>()).set(key, new Date(ms)));
  };
  for (const happens of events) {
    switch (happens.what) {
      case 'binlogs':
        for (let count = 0; count < happens.count; count++, number++, place++) {
          waiting.push({ key: storedBinlogKey(base, number), system, place, base, number });
        }
        if (!happens.pushed) break;
        for (const one of waiting.splice(0)) {
          // Pushing another binlog of that name is refused.
          if (binlogs.some(({ key }) => key === one.key)) doNamesMeet = true;
          else {
            put(one.key);
            binlogs.push({ ...one, storageName, stored: new Date(ms) });
          }
        }
        break;
      case 'backup': {
        const at = new Date(Math.floor((ms + skewMs) / 1000) * 1000);
        const name = streamName(at);
        if (backups.some((one) => one.name === name)) break;
        const { base: back, says, permanent: isPermanent, damaged: isDamaged } = happens;
        const parent = back === undefined ? undefined : backups.filter((one) => one.system === system).at(-1 - back);
        const uploaded = binlogs.findLast((one) => one.system === system);
        const start = says === 'active' ? { base, number } : says === 'uploaded' ? uploaded : undefined;
        const text = start && nameOf(start);
        const made: MadeStream = {
          ...{ at, start: text, end: text, parent: parent?.name, isPermanent, isDamaged },
          stored: new Date(ms + 60_000),
          ...(happens.touched ? { rewritten: new Date(ms + 5 * 3_600_000) } : {}),
        };
        for (let one = parent; isPermanent && one !== undefined; one = one.parent) {
          Object.assign(one.made, { isPermanent: true });
        }
        streams.set(storageName, [...(streams.get(storageName) ?? []), made]);
        if (!objects.has(storageName)) objects.set(storageName, new Map());
        backups.push({ name, system, active: place, made, parent });
        ms += 120_000;
        break;
      }
      case 'failover':
        waiting.length = 0;
        if (happens.renamed) base = `${base}x`;
        else {
          goesBack ||= happens.shift < 0;
          number = Math.max(1, number + happens.shift);
        }
        break;
      case 'reset':
        waiting.length = 0;
        goesBack = true;
        [number, system] = [1, system + 1];
        break;
      case 'cut off':
        put(`basebackups_005/${streamName(new Date(ms))}/stream.lz4`);
        break;
      case 'clock':
        skewMs = happens.skewHours * 3_600_000;
        break;
      case 'pause':
        ms += happens.hours * 3_600_000;
        break;
      case 'other storage':
        storageName = storageName === 'default' ? 'second' : 'default';
    }
  }
  const names = [...objects.keys()];
  const inventories = names.map((name) => {
    const listed = [...(objects.get(name) ?? [])].map(([key, modified]) => objectAt(key, modified));
    const made = madeMysqlInventory({ storageName: name, backups: streams.get(name) ?? [], objects: listed });
    return times === 'kept' ? made : copied(made, ms);
  });
  // The binlog in which a backup began was never pushed, and that of another server has its name.
  const isTakenForOther = ({ made, system: own, active }: TrueStream): boolean =>
    binlogs.some((one) => nameOf(one) === made.start && (one.system !== own || one.place > active));
  const whats = new Set(events.map(({ what }) => what));
  return {
    inventories,
    now: timeOfDate(new Date(ms + 2 * 3_600_000)),
    backups,
    binlogs,
    isSimple:
      times === 'kept' &&
      !['failover', 'reset', 'cut off', 'clock', 'other storage'].some((what) =>
        whats.has(what as MysqlEvent['what']),
      ) &&
      backups.every(({ made }) => made.start !== undefined && made.isDamaged !== true),
    isAmbiguous: doNamesMeet || backups.some(isTakenForOther) || (goesBack && times === 'copied'),
  };
}

/** Of a stored binlog: `bin.000300`. */
export function nameOf({ base, number }: Pick<TrueBinlog, 'base' | 'number'>): string {
  return binlogNameOf(base, number).name;
}

function copied(inventory: MysqlInventory, ms: number): MysqlInventory {
  const listed = [
    ...[...inventory.backups, ...inventory.unfinished].flatMap(({ objects }) => objects),
    ...inventory.binlogs.map(({ object }) => object),
  ];
  const order = new Map(listed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map((object, at) => [object, at]));
  const young = new Map(
    listed.map((object) => [object, { ...object, modified: new Date(ms + (order.get(object) ?? 0)) }]),
  );
  return {
    ...inventory,
    backups: inventory.backups.map((backup) => {
      const objects = backup.objects.map((object) => young.get(object) ?? object);
      const modified = timeOfDate(objects[0]?.modified ?? new Date(ms));
      return { ...backup, objects, entry: { ...backup.entry, modified } };
    }),
    unfinished: inventory.unfinished.map((one) => ({
      ...one,
      objects: one.objects.map((object) => young.get(object) ?? object),
    })),
    binlogs: inventory.binlogs.map((one) => ({ ...one, object: young.get(one.object) ?? one.object })),
  };
}
