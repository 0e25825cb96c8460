/** Several storages in memory, that die and come back as a test wants. */
import { silentLogger, type Logger } from '../src/platform/logger.ts';
import { systemClock, type Clock } from '../src/platform/clock.ts';
import { collect, fromBytes } from '../src/bytes/stage.ts';
import { StorageUnavailableError } from '../src/storage/errors.ts';
import { openAbsences } from '../src/storage/mirror/absences.ts';
import { Mirrors } from '../src/storage/mirror/mirror.ts';
import { createMirroredStorage } from '../src/storage/mirror/mirrored-storage.ts';
import { createMemoryStorage } from '../src/storage/memory/memory-storage.ts';
import type { Key, Storage } from '../src/storage/storage.ts';
import { faultyStorage, type Fault, type FaultyStorage, type StorageCall } from './faulty-storage.ts';

/** A storage of several. */
export interface TestMember {
  readonly name: string;
  readonly place: string;
  /** What it holds, whether it is dead or not. */
  readonly inside: Storage;
  /** As others see it. */
  readonly storage: FaultyStorage;
  /** Answers nothing but errors from now on. */
  die(error?: Error): void;
  revive(): void;
  /** Asked at every call while it is alive. */
  plan: (call: StorageCall) => Fault | undefined;
}

/** An empty storage in memory. */
export function testMember(name: string, clock: Clock = systemClock): TestMember {
  const inside = createMemoryStorage(clock);
  let death: Error | undefined;
  const member: TestMember = {
    name,
    place: `memory of ${name}`,
    inside,
    storage: faultyStorage(inside, (call) => (death === undefined ? member.plan(call) : { error: death })),
    die(error = new StorageUnavailableError(`${name} is dead`, { repeated: true })) {
      death = error;
    },
    revive() {
      death = undefined;
    },
    plan: () => undefined,
  };
  return member;
}

/** Options of {@link mirrorsOf}. */
export interface TestMirrorOptions {
  readonly quorum?: number;
  readonly absence?: 'all' | 'quorum';
  readonly patienceMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly home?: string;
}

/** Joins members as mirrors; by default all of them must have everything. */
export function mirrorsOf(members: readonly TestMember[], options: TestMirrorOptions = {}): Storage {
  const { quorum = members.length, absence = 'all', patienceMs = 60_000 } = options;
  const { clock = systemClock, logger = silentLogger, home } = options;
  const mirrors = new Mirrors(
    members.map(({ name, place, storage }, order) => ({ name, order, place, storage })),
    { quorum, absences: openAbsences({ home, clock }), logger },
  );
  return createMirroredStorage({ mirrors, absence, patienceMs, clock });
}

/** Stores a text. */
export function put(
  storage: Storage,
  key: Key,
  text: string,
  options?: { readonly ifAbsent?: boolean },
): Promise<void> {
  return storage.write(key, fromBytes(Buffer.from(text)), options);
}

/** Reads a text; undefined when there is none. */
export async function get(storage: Storage, key: Key): Promise<string | undefined> {
  if ((await storage.stat(key)) === undefined) return undefined;
  return (await collect(await storage.read(key))).toString();
}

/** The one at that place. */
export function nth(members: readonly TestMember[], index: number): TestMember {
  const member = members[index];
  if (member === undefined) throw new Error(`no member ${index}`);
  return member;
}
