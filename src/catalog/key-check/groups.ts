/** The objects of an archive, by backup and folder of logs: which of them are examined, and what came of it. */
import type { Crypter } from '../../crypto/crypter.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Key, ObjectInfo, Storage } from '../../storage/storage.ts';
import { logFolders, payloadOfBackups, payloadOfLogs } from '../payload-objects.ts';
import { examineObject, type ObjectState } from './object-state.ts';

/** An object that was examined. */
export interface ExaminedObject {
  readonly key: Key;
  readonly sizeBytes: number;
  /** It was read to its end, not only its beginning. */
  readonly whole: boolean;
  readonly state: ObjectState;
}

/** A backup, or a folder of logs. */
export interface CheckedGroup {
  readonly kind: 'backup' | 'logs';
  /** Name of the backup, or the folder. */
  readonly name: string;
  /** How many objects were examined, by their state. */
  readonly counts: ReadonlyMap<ObjectState['kind'], number>;
  /** Those that were read to their ends, and the first of each state. */
  readonly examples: readonly ExaminedObject[];
}

/** What is examined, and with what. */
export interface GroupsOptions {
  readonly storage: Storage;
  readonly crypter: Crypter | undefined;
  readonly canDecrypt: boolean;
  readonly backups: readonly string[];
  readonly chosen: string | undefined;
  readonly all: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (doneBytes: number) => void;
}

/** An object to examine. */
interface Candidate {
  readonly group: OpenGroup;
  readonly object: ObjectInfo;
  readonly whole: boolean;
}

/** A group while objects are added to it. */
interface OpenGroup extends CheckedGroup {
  readonly counts: Map<ObjectState['kind'], number>;
  readonly examples: ExaminedObject[];
}

const atOnce = 4;
/** Objects that are known at a time; an archive may have millions. */
const batchSize = 1000;
/** Examples of one group that are kept. */
const maxExamples = 100;

/**
 * Examines one small object of every backup, and the oldest and the newest of every folder of logs; with `all` the
 * beginning of every object as well, and all of the chosen backup's.
 */
export async function examineGroups(options: GroupsOptions): Promise<readonly CheckedGroup[]> {
  const { storage, backups, all, signal, onProgress } = options;
  const groups = new Map(backups.map((name) => [name, openGroup('backup', name)]));
  const logs = logFolders.map((name) => openGroup('logs', name));
  const only = backups.length === 1 && !all ? backups[0] : undefined;

  const samples = [...(await smallestOf(groups, storage, { only, signal })), ...(await endsOf(logs, storage, signal))];
  const whole = samples.map((sample) => ({ ...sample, whole: true }));
  let doneBytes = 0;
  const examination = {
    ...options,
    onBytes: (bytes: number) => onProgress?.((doneBytes += bytes)),
  };
  const examine = async (candidates: readonly Candidate[]): Promise<void> => {
    const states = await mapConcurrently(candidates, atOnce, ({ object, whole }) =>
      examineObject(examination, object.key, { whole }),
    );
    candidates.forEach(({ group, object: { key, sizeBytes }, whole }, index) => {
      const state = states[index];
      if (state !== undefined) add(group, { key, sizeBytes, whole, state });
    });
  };

  await examine(whole);
  if (all) {
    const done = new Set(whole.map(({ object }) => object.key));
    for await (const batch of batches(allObjects(groups, logs, options))) {
      await examine(batch.filter(({ object }) => !done.has(object.key)));
    }
  }
  return [...groups.values(), ...logs.filter(({ counts }) => counts.size > 0)];
}

function openGroup(kind: CheckedGroup['kind'], name: string): OpenGroup {
  return { kind, name, counts: new Map(), examples: [] };
}

function add(group: OpenGroup, examined: ExaminedObject): void {
  const { kind } = examined.state;
  const before = group.counts.get(kind) ?? 0;
  group.counts.set(kind, before + 1);
  const wanted = before === 0 || (examined.whole && group.examples.length < maxExamples);
  if (wanted) group.examples.push(examined);
}

type Sample = Omit<Candidate, 'whole'>;

/** The smallest object of each backup that is not empty. */
async function smallestOf(
  groups: ReadonlyMap<string, OpenGroup>,
  storage: Storage,
  { only, signal }: { readonly only: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<readonly Sample[]> {
  const smallest = new Map<OpenGroup, ObjectInfo>();
  for await (const { backup, object } of payloadOfBackups(storage, { backup: only, signal })) {
    const group = groups.get(backup);
    if (group === undefined) continue;
    const best = smallest.get(group);
    if (best === undefined || rank(object) < rank(best)) smallest.set(group, object);
  }
  return [...smallest].map(([group, object]) => ({ group, object }));
}

function rank({ sizeBytes }: ObjectInfo): number {
  return sizeBytes === 0 ? Number.POSITIVE_INFINITY : sizeBytes;
}

/** The objects of each folder that were written first and last. */
async function endsOf(
  groups: readonly OpenGroup[],
  storage: Storage,
  signal: AbortSignal | undefined,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (const group of groups) {
    let oldest: ObjectInfo | undefined;
    let newest: ObjectInfo | undefined;
    for await (const object of payloadOfLogs(storage, group.name, { signal })) {
      if (oldest === undefined || isOlder(object, oldest)) oldest = object;
      if (newest === undefined || isOlder(newest, object)) newest = object;
    }
    for (const object of new Set([oldest, newest])) if (object !== undefined) samples.push({ group, object });
  }
  return samples;
}

/** Names tell where the times are equal, as in a copy. */
function isOlder(a: ObjectInfo, b: ObjectInfo): boolean {
  const difference = a.modified.getTime() - b.modified.getTime();
  return difference < 0 || (difference === 0 && a.key < b.key);
}

async function* allObjects(
  groups: ReadonlyMap<string, OpenGroup>,
  logs: readonly OpenGroup[],
  { storage, chosen, signal }: GroupsOptions,
): AsyncIterable<Candidate> {
  for await (const { backup, object } of payloadOfBackups(storage, { signal })) {
    const group = groups.get(backup);
    if (group !== undefined) yield { group, object, whole: backup === chosen };
  }
  for (const group of logs) {
    for await (const object of payloadOfLogs(storage, group.name, { signal })) yield { group, object, whole: false };
  }
}

async function* batches<T>(items: AsyncIterable<T>): AsyncIterable<readonly T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}
