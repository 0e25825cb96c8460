/**
 * Which mirrors were away lately, shared by the processes of this user: archiving must not wait for a dead mirror at every
 * segment. A file that cannot be read or written costs waiting, nothing else.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock.ts';
import { removeQuietly } from '../../platform/files.ts';

/** What is known of mirrors that were away. */
export interface Absences {
  /** It was away not long ago: asking it again is not yet worth the wait. */
  isAway(place: string): boolean;
  note(place: string): void;
  /** It is back. */
  forget(place: string): void;
}

interface Absence {
  /** How often in a row. */
  readonly times: number;
  readonly untilMs: number;
}

const firstMs = 30_000;
const longestMs = 600_000;

/** Opens the notes in the home directory; without one there are only those of this process. */
export function openAbsences({ home, clock }: { readonly home: string | undefined; readonly clock: Clock }): Absences {
  const isHome = home !== undefined && statSync(home, { throwIfNoEntry: false })?.isDirectory() === true;
  const path = isHome ? join(home, '.walvault_mirrors_away') : undefined;
  const absences = path === undefined ? new Map<string, Absence>() : readAbsences(path);
  const now = (): number => clock.now().getTime();

  function write(): void {
    if (path === undefined) return;
    const temp = `${path}.${process.pid}`;
    try {
      writeFileSync(temp, JSON.stringify(Object.fromEntries(absences)), { mode: 0o600 });
      renameSync(temp, path);
    } catch {
      removeQuietly(temp);
    }
  }

  return {
    isAway(place) {
      const untilMs = absences.get(place)?.untilMs ?? 0;
      // A clock that was set back must not keep a mirror away for years.
      return untilMs > now() && untilMs - now() <= longestMs;
    },
    note(place) {
      if (this.isAway(place)) return;
      const times = (absences.get(place)?.times ?? 0) + 1;
      absences.set(place, { times, untilMs: now() + Math.min(longestMs, firstMs * 2 ** (times - 1)) });
      write();
    },
    forget(place) {
      if (absences.delete(place)) write();
    },
  };
}

function readAbsences(path: string): Map<string, Absence> {
  const absences = new Map<string, Absence>();
  try {
    const data = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, Partial<Absence> | null>>;
    for (const [place, absence] of Object.entries(data)) {
      const { times, untilMs } = absence ?? {};
      if (typeof times === 'number' && typeof untilMs === 'number') absences.set(place, { times, untilMs });
    }
  } catch {
    // There is none, or it is not ours to read.
  }
  return absences;
}
