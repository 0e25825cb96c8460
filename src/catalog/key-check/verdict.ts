/** From what a check of the keys found to what an operator has to know, and whether the check failed. */
import { ArchiverError, type ErrorKind } from '../../errors.ts';
import type { CheckedGroup } from './groups.ts';
import type { CheckedKeys, KeyCheck } from './key-check.ts';
import type { ObjectState } from './object-state.ts';
import type { RoundTrip } from './round-trip.ts';

/** The judgement of a check. */
export interface Verdict {
  /** What does not work, or would not in a disaster. The worst comes first. */
  readonly problems: readonly Problem[];
  /** What could not be proven, and what will be a problem. */
  readonly warnings: readonly string[];
}

/** Something that does not work. */
export interface Problem {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string | undefined;
}

const dayMs = 86_400_000;
const soonDays = 30;

/** Judges a check. */
export function verdictOf(check: KeyCheck, now: Date): Verdict {
  const { keys, groups } = check;
  const problems = [...(keys === undefined ? [] : keyProblems(keys)), ...objectProblems(groups)];
  const warnings = [...(keys === undefined ? [] : keyWarnings(keys, now)), ...objectWarnings(groups)];
  if (keys === undefined) warnings.unshift('no key is set: new objects are stored in clear');
  return { problems, warnings };
}

/** The error that a check with problems ends with. */
export function failureOf({ problems }: Verdict): ArchiverError | undefined {
  const [worst, ...others] = problems;
  if (worst === undefined) return undefined;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new ArchiverError(worst.kind, `${worst.message}${more}`, { hint: worst.hint });
}

function keyProblems(keys: CheckedKeys): readonly Problem[] {
  const { report, inMemory, throughStorage } = keys;
  const problems: Problem[] = [];
  const key = report.canDecrypt ? undefined : report.keys.find(({ locked }) => locked === true);
  if (key !== undefined) {
    problems.push({
      kind: 'forbidden',
      message: `the private key ${key.id} is here and decrypts nothing: ${key.remark ?? ''}`,
      hint: 'Set WALG_PGP_KEY_PASSPHRASE to its passphrase; where objects are only to be encrypted, set the public key alone.',
    });
  }
  for (const [what, trip] of [
    ['the keys do not encrypt and decrypt', inMemory],
    ['an encrypted object did not come back from the storage', throughStorage],
  ] as const) {
    if (trip?.kind !== 'failed' || trip === readersFailure(keys)) continue;
    const { message, kind, hint } = trip.error;
    problems.push({ kind, message: `${what}: ${message}`, hint });
  }
  return problems;
}

/**
 * Whoever restores has the keys of old backups beside today's. One of them that has expired is no fault there, although
 * nothing is encrypted for such a collection of keys.
 */
function readersFailure({ report, inMemory }: CheckedKeys): Extract<RoundTrip, { kind: 'failed' }> | undefined {
  if (inMemory.kind !== 'failed' || inMemory.error.kind !== 'config') return undefined;
  const isReader = report.canDecrypt && !report.canEncrypt && report.keys.some(({ encrypts }) => encrypts);
  return isReader ? inMemory : undefined;
}

/** What the states mean that nobody wants, the worst first. */
const bad = {
  otherKey: {
    kind: 'forbidden',
    text: 'cannot be decrypted with the keys that are set',
    hint: 'Add the private key that the result names to the keys that are set, and keep it as long as its backups.',
  },
  encrypted: {
    kind: 'forbidden',
    text: 'cannot be read, since it is encrypted and no key is set',
    hint: 'Set the key that it was encrypted for, such as WALG_PGP_KEY_PATH or WALG_LIBSODIUM_KEY_PATH.',
  },
  damaged: {
    kind: 'corrupt',
    text: 'cannot be read to the end',
    hint: 'Make a new backup, and find out what happened to the objects on the storage.',
  },
  clear: {
    kind: 'corrupt',
    text: 'cannot be read with a key set, since it is stored in clear',
    hint: 'Make a new backup, now encrypted; to restore what is in clear, run without the settings of the key.',
  },
} as const satisfies Partial<
  Record<ObjectState['kind'], { readonly kind: ErrorKind; readonly text: string; readonly hint: string }>
>;

function objectProblems(groups: readonly CheckedGroup[]): readonly Problem[] {
  return Object.entries(bad).flatMap(([state, { kind, text, hint }]) => {
    const affected = groups.filter(({ counts }) => counts.has(state as ObjectState['kind']));
    const [first, ...others] = affected.map(nameOf);
    if (first === undefined) return [];
    return [
      { kind, message: `${first} ${text}${others.length === 0 ? '' : `; so it is with ${listed(others)}`}`, hint },
    ];
  });
}

function nameOf({ kind, name }: CheckedGroup): string {
  return kind === 'backup' ? `backup "${name}"` : `what is in "${name}"`;
}

const mostNames = 3;

function listed(names: readonly string[]): string {
  const more = names.length - mostNames;
  return [...names.slice(0, mostNames), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function keyWarnings(keys: CheckedKeys, now: Date): readonly string[] {
  const { report } = keys;
  const warnings: string[] = [];
  if (!report.canDecrypt && !report.keys.some(({ locked }) => locked === true)) {
    const reasons = report.keys.flatMap(({ id, remark }) => (remark === undefined ? [] : [`${id}: ${remark}`]));
    const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
    warnings.push(`nothing here decrypts${why}: that the backups can be read is proven where the private key is`);
  }
  const readers = readersFailure(keys);
  if (readers !== undefined) warnings.push(`with these keys nothing can be pushed: ${readers.error.message}`);
  for (const { id, expires, encrypts } of report.keys) {
    if (expires === undefined) continue;
    const days = Math.floor((expires.getTime() - now.getTime()) / dayMs);
    const date = expires.toISOString().slice(0, 10);
    if (days < 0) warnings.push(`key ${id} expired on ${date}`);
    else if (encrypts && days < soonDays)
      warnings.push(`key ${id} expires on ${date}: in ${days} days pushing will fail`);
  }
  return warnings;
}

function objectWarnings(groups: readonly CheckedGroup[]): readonly string[] {
  return groups
    .filter(({ kind, counts }) => kind === 'backup' && counts.size === 0)
    .map(({ name }) => `backup "${name}" has no objects with data`);
}
