/** Where a recovery is to end: what a user asks for, and how PostgreSQL is told. Nothing here looks at the archive. */
import type { TimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import { formatLsn, parseLsn, type Lsn } from '../lsn.ts';
import { formatInstant, parseInstant } from './instant.ts';

/** The point at which replay stops. */
export type RecoveryTarget =
  /** All WAL there is. */
  | { readonly kind: 'end' }
  /** As soon as the backup is consistent. */
  | { readonly kind: 'immediate' }
  | { readonly kind: 'time'; readonly instant: TimeNs }
  | { readonly kind: 'lsn'; readonly lsn: Lsn }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'xid'; readonly xid: number };

/** The timeline to end on: a number, the newest one, or that of the backup. */
export type TimelineChoice = number | 'latest' | 'current';

/** What the server does at the target. */
export type TargetAction = 'pause' | 'promote' | 'shutdown';

/** Everything that is asked of a recovery. */
export interface RecoveryRequest {
  readonly target: RecoveryTarget;
  readonly timeline: TimelineChoice;
  /** Replay stops just after the target (true) or just before it. */
  readonly inclusive: boolean;
  /** Undefined: PostgreSQL's default, which is to pause. */
  readonly action: TargetAction | undefined;
}

/** The texts of the `--target…` options, without their dashes and their common prefix. */
export interface TargetTexts {
  readonly target?: string | undefined;
  readonly time?: string | undefined;
  readonly lsn?: string | undefined;
  readonly name?: string | undefined;
  readonly xid?: string | undefined;
  readonly timeline?: string | undefined;
  readonly action?: string | undefined;
  readonly inclusive?: string | undefined;
}

/**
 * Reads the options.
 *
 * @returns undefined when none is given: no recovery is asked for
 * @throws ArchiverError (kind `usage`) naming the option that is wrong, or those that exclude each other
 */
export function parseRecoveryRequest(texts: TargetTexts): RecoveryRequest | undefined {
  if (Object.values(texts).every((text) => text === undefined)) return undefined;
  const target = parseTarget(texts);
  const stops = target.kind === 'time' || target.kind === 'lsn' || target.kind === 'xid';
  if (texts.inclusive !== undefined && !stops) {
    throw usage('--target-inclusive needs one of --target-time, --target-lsn, --target-xid');
  }
  if (texts.action !== undefined && target.kind === 'end') {
    throw usage('--target-action needs a target, such as --target-time');
  }
  return {
    target,
    // The end of the backup lies on its own timeline, wherever the newest one leads.
    timeline: parseTimeline(texts.timeline ?? (target.kind === 'immediate' ? 'current' : 'latest')),
    inclusive: parseWord('--target-inclusive', texts.inclusive ?? 'true', ['true', 'false']) === 'true',
    action:
      texts.action === undefined
        ? undefined
        : parseWord('--target-action', texts.action, ['pause', 'promote', 'shutdown']),
  };
}

function parseTarget(texts: TargetTexts): RecoveryTarget {
  const given = (['target', 'time', 'lsn', 'name', 'xid'] as const).filter((option) => texts[option] !== undefined);
  if (given.length > 1) {
    const options = given.map((option) => (option === 'target' ? '--target' : `--target-${option}`));
    throw usage(`${options.join(' and ')} exclude each other`);
  }
  if (texts.time !== undefined) return { kind: 'time', instant: parseInstant(texts.time) };
  if (texts.lsn !== undefined) return { kind: 'lsn', lsn: parseTargetLsn(texts.lsn) };
  if (texts.name !== undefined) return { kind: 'name', name: parseName(texts.name) };
  if (texts.xid !== undefined) return { kind: 'xid', xid: parseXid(texts.xid) };
  if (texts.target !== undefined) {
    return parseWord('--target', texts.target, ['immediate', 'end']) === 'end'
      ? { kind: 'end' }
      : { kind: 'immediate' };
  }
  return { kind: 'end' };
}

function parseTargetLsn(text: string): Lsn {
  try {
    return parseLsn(text);
  } catch (cause) {
    throw usage(`--target-lsn is no LSN: ${JSON.stringify(text)}`, 'An LSN looks like 16/B374D848.', cause);
  }
}

/** A restore point's name, at most 63 bytes as in PostgreSQL (`MAXFNAMELEN - 1`). */
function parseName(text: string): string {
  if (text !== '' && Buffer.byteLength(text) <= 63) return text;
  throw usage(`--target-name must have from 1 to 63 bytes: ${JSON.stringify(text)}`);
}

/** Also of 64 bits, as `pg_current_xact_id()` shows it: like the server's own setting it is cut to the 32 that WAL holds. */
function parseXid(text: string): number {
  const xid = /^\d{1,20}$/.test(text) ? Number(BigInt.asUintN(32, BigInt(text))) : 0;
  if (xid === 0) throw usage(`--target-xid is ${JSON.stringify(text)}; allowed: a transaction ID such as 731`);
  return xid;
}

function parseTimeline(text: string): TimelineChoice {
  if (text === 'latest' || text === 'current') return text;
  return parseNumber('--target-timeline', text, 'latest, current, or a number such as 2 or 0x1F');
}

function parseNumber(option: string, text: string, allowed: string): number {
  const number = /^(0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > 0xffff_ffff) throw usage(`${option} is ${JSON.stringify(text)}; allowed: ${allowed}`);
  return number;
}

function parseWord<const W extends string>(option: string, text: string, words: readonly W[]): W {
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw usage(`${option} is ${JSON.stringify(text)}; allowed: ${words.join(', ')}`);
  return word;
}

function usage(message: string, hint?: string, cause?: unknown): ArchiverError {
  return new ArchiverError('usage', message, { cause, hint });
}

/** For messages: `time 2026-11-21 04:04:03+00`, `LSN 0/3000100`, `restore point "before_migration"`. */
export function describeTarget(target: RecoveryTarget): string {
  switch (target.kind) {
    case 'end':
      return 'the end of the archive';
    case 'immediate':
      return 'the end of the backup';
    case 'time':
      return `time ${formatInstant(target.instant)}`;
    case 'lsn':
      return `LSN ${formatLsn(target.lsn)}`;
    case 'name':
      return `restore point ${JSON.stringify(target.name)}`;
    case 'xid':
      return `transaction ${target.xid}`;
  }
}
