/** From what a server told to what is wrong with it. Nothing here asks anybody anything. */
import type { ServerCondition } from '../../postgres/server/condition.ts';
import { formatVersion } from '../../postgres/version.ts';
import { fail, ok, skip, warn, type Check, type Finding } from '../check.ts';
import { formatBytes } from '../format.ts';

/** Checks by name, in the order in which they are told. */
export type Findings = Readonly<Record<string, Finding>>;

/** The newest server that the tests ran against. */
const newestTested = 18;
const oldestTested = 13;

/** What is true of the server itself. */
export function judgeServer({ version, inRecovery, settings, role }: ServerCondition): Findings {
  return {
    version: judgeVersion(version, inRecovery),
    role: judgeRole(role, settings),
    wal_level: judgeWalLevel(settings.get('wal_level')),
    durability: judgeDurability(settings),
    checksums: judgeChecksums(settings.get('data_checksums')),
  };
}

function judgeVersion(version: number, inRecovery: boolean): Finding {
  const what = `PostgreSQL ${formatVersion(version)}, ${inRecovery ? 'a standby' : 'a primary'}`;
  const figures = { version, in_recovery: inRecovery };
  const major = Math.trunc(version / 10_000);
  if (major >= oldestTested && major <= newestTested) return ok(what, figures);
  const hint = `Try a backup and a restore before you rely on it: versions ${oldestTested} to ${newestTested} are tested.`;
  return warn(`${what}: a version that was not tested`, hint, figures);
}

function judgeRole(
  { name, isSuperuser, forbiddenFunctions }: ServerCondition['role'],
  settings: VisibleSettings,
): Finding {
  if (isSuperuser) return ok(`"${name}" is a superuser`);
  const hints: string[] = [];
  const lacks: string[] = [];
  if (forbiddenFunctions.length > 0) {
    lacks.push(`may not call ${forbiddenFunctions.join(', ')}`);
    hints.push(...forbiddenFunctions.map((one) => `GRANT EXECUTE ON FUNCTION pg_catalog.${one} TO "${name}";`));
  }
  if (!settings.has('data_directory')) {
    lacks.push('may not see data_directory');
    hints.push(`GRANT pg_read_all_settings TO "${name}";`);
  }
  if (lacks.length === 0) return ok(`"${name}" may do what a backup needs`);
  return fail(
    `"${name}" ${lacks.join(' and ')}: backup-push will fail`,
    `Run as a superuser: ${hints.join(' ')}`,
    'forbidden',
  );
}

type VisibleSettings = ServerCondition['settings'];

function judgeWalLevel(level: string | undefined): Finding {
  if (level === undefined) return skip('the server does not tell');
  if (level !== 'minimal') return ok(level);
  return fail('minimal: the WAL is not enough for recovery', 'Set wal_level = replica in postgresql.conf and restart.');
}

function judgeDurability(settings: VisibleSettings): Finding {
  const off = ['fsync', 'full_page_writes'].filter((name) => settings.get(name) === 'off');
  if (off.length === 0) return ok('fsync and full_page_writes are on');
  return warn(
    `off: ${off.join(', ')}`,
    `Turn ${off.join(' and ')} on: a crash of the machine may damage the data itself.`,
  );
}

function judgeChecksums(checksums: string | undefined): Finding {
  if (checksums === undefined) return skip('the server does not tell');
  if (checksums === 'on') return ok('data checksums are on');
  return warn(
    'data checksums are off: a page that the disk damaged is backed up like any other',
    'Stop the server and run pg_checksums --enable when there is time for it.',
  );
}

/** Much more than a subscriber or a standby is behind on a good day. */
const muchBytes = 1_000_000_000;

/** Slots that keep WAL from being removed. */
export function judgeSlots(slots: ServerCondition['slots']): Finding {
  if (slots === undefined) return skip('the server does not tell');
  const figures = { slots: slots.length, held_bytes: Math.max(0, ...slots.map(({ heldBytes }) => heldBytes ?? 0)) };
  const lost = slots.filter(({ walStatus }) => walStatus === 'lost' || walStatus === 'unreserved');
  const holding = slots.filter(({ heldBytes = 0 }) => heldBytes >= muchBytes);
  if (holding.length > 0) {
    const names = holding.map(
      ({ name, heldBytes = 0, active }) =>
        `"${name}" (${active ? 'active' : 'nobody reads it'}) holds ${formatBytes(heldBytes)}`,
    );
    const hint =
      'Drop the slot if nobody needs it (pg_drop_replication_slot), or set max_slot_wal_keep_size: the disk may fill up.';
    return warn(`WAL is kept by slots: ${names.join(', ')}`, hint, figures);
  }
  if (lost.length > 0) {
    const names = lost.map(({ name, walStatus }) => `"${name}" (${walStatus ?? ''})`).join(', ');
    return warn(`slots without their WAL: ${names}`, 'Drop them and set up anew what reads them.', figures);
  }
  const held = slots.length === 0 ? '' : `, none holds more than ${formatBytes(figures.held_bytes)}`;
  return ok(
    `${slots.length === 0 ? 'no replication slots' : `${slots.length} replication slot${slots.length === 1 ? '' : 's'}`}${held}`,
    figures,
  );
}

/** A part of a disk that is left. */
export interface Space {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

const littleBytes = 50e9;
const tooLittleBytes = 5e9;

/** Free space; a disk of any size with that much left is fine. */
export function judgeSpace(spaces: readonly Space[]): Finding {
  const texts = spaces.map((one) => `${formatBytes(one.freeBytes)} (${percent(one)} %) free at ${one.path}`);
  const figures = Object.fromEntries(spaces.map(({ path, freeBytes }) => [path, freeBytes]));
  const text = texts.join(', ');
  const isBelow = (share: number, bytes: number) => (one: Space) =>
    one.freeBytes < bytes && one.freeBytes / Math.max(1, one.totalBytes) < share;
  const hint = 'Make room: a server whose pg_wal is full stops, and WAL is kept until it is archived.';
  if (spaces.some(isBelow(0.02, tooLittleBytes))) return { ...fail(text, hint, 'cannotWrite'), figures };
  return spaces.some(isBelow(0.1, littleBytes)) ? warn(text, hint, figures) : ok(text, figures);
}

function percent({ freeBytes, totalBytes }: Space): number {
  return Math.floor((freeBytes / Math.max(1, totalBytes)) * 100);
}

/** Findings as checks. */
export function* checksOf(area: Check['area'], findings: Findings): Generator<Check> {
  for (const [name, finding] of Object.entries(findings)) yield { area, name, ...finding };
}
