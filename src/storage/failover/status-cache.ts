/**
 * What this machine found out about storages lately: a file that all processes share, as WAL-G keeps it (`storages.md` 9.3
 * of the specification). It is replaced as a whole: of two processes that write at once, one loses an observation, which
 * the next check makes again. A file that cannot be read or written costs checks, nothing else.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock.ts';
import { removeQuietly } from '../../platform/files.ts';
import type { Aliveness } from './aliveness.ts';

/** Known states by the identities of storages. */
export interface StatusCache {
  get(identity: string): Aliveness | undefined;
  set(identity: string, status: Aliveness): void;
  /** Writes what was set since the last time, if there is anything. */
  flush(): void;
}

/** How a cache is opened. */
export interface StatusCacheOptions {
  /** Commands that write know more about a storage than those that only read. */
  readonly access: 'ro' | 'rw';
  /** Undefined or not there: the folder for temporary files. */
  readonly home: string | undefined;
  readonly temporary: string;
  readonly clock: Clock;
}

interface Entry {
  readonly potential_aliveness: number;
  readonly actual_aliveness: number;
  readonly previous_aliveness: boolean;
  readonly updated: string;
}

const flushMs = 5 * 60_000;

/** Opens the cache of this user. */
export function openStatusCache({ access, home, temporary, clock }: StatusCacheOptions): StatusCache {
  const path = join(isFolder(home) ? home : temporary, `.walg_storage_${access}_status_cache`);
  const states = new Map<string, Aliveness>();
  for (const [identity, entry] of readEntries(path)) {
    const status = statusOf(entry);
    if (status !== undefined) states.set(identity, status);
  }
  const changed = new Set<string>();
  let flushedMs = clock.monotonicMs();

  function flush(): void {
    if (changed.size === 0) return;
    flushedMs = clock.monotonicMs();
    // What is not ours stays as it is, what others wrote later too.
    const entries = new Map(readEntries(path));
    for (const identity of changed) {
      const status = states.get(identity);
      const written = statusOf(entries.get(identity));
      if (status === undefined || (written !== undefined && written.updated > status.updated)) continue;
      entries.set(identity, entryOf(status));
    }
    changed.clear();
    const temp = `${path}.${process.pid}`;
    try {
      writeFileSync(temp, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600, flag: 'wx' });
      renameSync(temp, path);
    } catch {
      removeQuietly(temp);
    }
  }

  return {
    get: (identity) => states.get(identity),
    set(identity, status) {
      states.set(identity, status);
      changed.add(identity);
      if (clock.monotonicMs() - flushedMs >= flushMs) flush();
    },
    flush,
  };
}

function isFolder(path: string | undefined): path is string {
  return path !== undefined && path !== '' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** In a folder for everybody's temporary files the name may have been taken by somebody else. */
function readEntries(path: string): readonly (readonly [string, unknown])[] {
  try {
    const { uid } = statSync(path);
    if (uid !== 0 && uid !== process.getuid?.()) return [];
    const data: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? Object.entries(data) : [];
  } catch {
    return [];
  }
}

function statusOf(value: unknown): Aliveness | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entry = value as Partial<Record<keyof Entry, unknown>>;
  const { potential_aliveness: potential, actual_aliveness: actual, previous_aliveness: alive } = entry;
  const updated = new Date(typeof entry.updated === 'string' ? entry.updated : Number.NaN);
  if (typeof potential !== 'number' || typeof actual !== 'number' || typeof alive !== 'boolean') return undefined;
  return Number.isNaN(updated.getTime()) ? undefined : { potential, actual, alive, updated };
}

function entryOf({ potential, actual, alive, updated }: Aliveness): Entry {
  return {
    potential_aliveness: potential,
    actual_aliveness: actual,
    previous_aliveness: alive,
    updated: updated.toISOString(),
  };
}
