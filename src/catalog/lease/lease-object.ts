/**
 * The objects by which runs on the same archive tell each other what they are at. Each run has one of its own, so that none
 * is ever taken over or fought for; `docs/adr/0015-leases.md` says why. Pure.
 */
import { isOfDeadProcess, stampOf } from '../../platform/temp-name.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { JsonFields } from '../json-fields.ts';
import { stringifyJson } from '../json.ts';

/** Folder of leases, below the prefix. WAL-G does not look into it. */
export const leasesFolder = 'walvault_leases';

/** Those who share wait for one who is exclusive; one who is exclusive gives way to all others. */
export type LeaseMode = 'shared' | 'exclusive';

/** How long a lease is valid after it was written last. A killed run is in the way of others for as long. */
export const validMs: Readonly<Record<LeaseMode, number>> = { shared: 30 * 60_000, exclusive: 5 * 60_000 };

/** Others wait so much longer: storages round times, and writing takes some. */
export const graceMs = 60_000;

/** A lease, as its name tells it. */
export interface LeaseName {
  readonly key: Key;
  readonly mode: LeaseMode;
  /** The command: `delete`, `backup-push`. */
  readonly purpose: string;
  /** When and by which process it was taken; by this they are in order. */
  readonly stamp: string;
}

/** What the object says of who holds it, for messages. */
export interface LeaseRecord {
  readonly hostname: string;
  readonly pid: number;
  /** RFC 3339, by the holder's clock. */
  readonly since: string;
}

/** Whether an object is a lease: it is neither deleted by retention nor copied to another archive. */
export function isLeaseKey(key: Key): boolean {
  return key.startsWith(`${leasesFolder}/`);
}

/** A name for a new lease of this process. */
export function newLeaseName(mode: LeaseMode, command: string, now: Date): LeaseName {
  const stamp = stampOf(now);
  // `st transfer backups`: what no name can be read from, nobody minds.
  const purpose = command.replaceAll(/[^a-z]+/g, '-');
  return { key: `${leasesFolder}/${mode}_${purpose}_${stamp}.json`, mode, purpose, stamp };
}

/** Reads a name; undefined for what is no lease of ours. */
export function parseLeaseKey(key: Key): LeaseName | undefined {
  const [, mode, purpose, stamp] =
    /^walvault_leases\/(shared|exclusive)_([a-z-]+)_(\d{8}T\d{6}Z-[0-9a-f]{16})\.json$/.exec(key) ?? [];
  if (mode === undefined || purpose === undefined || stamp === undefined) return undefined;
  return { key, mode: mode === 'shared' ? mode : 'exclusive', purpose, stamp };
}

/** Writes the object. */
export function formatLease({ mode, purpose }: LeaseName, { hostname, pid, since }: LeaseRecord, now: Date): string {
  const expires = new Date(now.getTime() + validMs[mode]).toISOString();
  return stringifyJson({ purpose, mode, hostname, pid, since, renewed: now.toISOString(), expires });
}

/** @throws CorruptError */
export function parseLease(text: string, what: string): LeaseRecord {
  const fields = JsonFields.parse(text, what);
  return { hostname: fields.text('hostname') ?? '', pid: fields.count('pid') ?? 0, since: fields.text('since') ?? '' };
}

/** A lease that counts. */
export interface LiveLease extends LeaseName {
  /** By the clock of the storage, how long ago it was written. */
  readonly ageMs: number;
}

/** What a listing of the leases tells to one of the holders. */
export interface LeaseView {
  /** The storage shows what we have written: only then others see it, and what it shows of others counts. */
  readonly isListed: boolean;
  /** Of others, by their stamps. */
  readonly live: readonly LiveLease[];
  /** Of others, and so long expired that nobody can think them held. */
  readonly abandoned: readonly Key[];
}

/**
 * Judges a listing. All times are the storage's own, since clocks of hosts differ: ages are counted from when it recorded
 * our own write. Only where it did not, our clock has to do.
 *
 * @param at.sinceWriteMs time that has passed here since that write, rather too little than too much
 * @param at.now by our clock
 */
export function viewLeases(
  listing: readonly ObjectInfo[],
  own: Key,
  at: { readonly sinceWriteMs: number; readonly now: Date },
): LeaseView {
  const ours = listing.find(({ key }) => key === own);
  const storageNow = ours === undefined ? at.now.getTime() : ours.modified.getTime() + at.sinceWriteMs;
  const live: LiveLease[] = [];
  const abandoned: Key[] = [];
  for (const { key, modified } of listing) {
    const name = key === own ? undefined : parseLeaseKey(key);
    if (name === undefined) continue;
    const ageMs = storageNow - modified.getTime();
    const isDead = isOfDeadProcess(name.stamp);
    if (!isDead && ageMs <= validMs[name.mode] + graceMs) live.push({ ...name, ageMs });
    else if (isDead || ageMs > 2 * validMs.shared) abandoned.push(key);
  }
  return { isListed: ours !== undefined, live: live.sort((a, b) => (a.stamp < b.stamp ? -1 : 1)), abandoned };
}
