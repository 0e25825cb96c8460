/**
 * What is known of whether a backup can be restored: one JSON object of our own for each backup that was verified, outside
 * of the folders that WAL-G looks at. Form: docs/storage-layout.md.
 */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../backup-store.ts';
import type { TimeNs } from '../time.ts';
import { sentinelKey, verifyFolder } from '../layout.ts';
import { ArchiverError, CorruptError, messageOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';
import { formatReport, parseReport } from './report-json.ts';

const suffix = '.json';

/** Where the report of a backup is. It goes with its backup. */
export function verifyReportKey(backup: string): Key {
  return `${verifyFolder}/${backup}${suffix}`;
}

/**
 * `proven`: everything that a restore needs was read and found whole. `damaged`: something was not. `partial`: nothing
 * wrong was found so far, and not everything has been read yet.
 */
export type VerifyStatus = 'proven' | 'damaged' | 'partial';

/** Something that is wrong. */
export interface VerifyProblem {
  /** The object that is damaged or absent. */
  readonly key: Key;
  /** The file of the cluster that is concerned, where it is one. */
  readonly file: string | undefined;
  /** In words, lower case. */
  readonly what: string;
}

/** A page that fails its checksum, and that recovery may replace as a whole. */
export interface SuspectPage {
  readonly key: Key;
  readonly file: string;
  /** Counted from the start of the file. */
  readonly page: number;
}

/** An object that has been read. */
export interface ReadObject {
  readonly storedBytes: number;
  /** Bytes of the members of a part, and the sum of {@link nameSum} over those that are listed; 0 of WAL. */
  readonly memberBytes: number;
  readonly names: number;
  /** It has brought the backup label. */
  readonly hasLabel: boolean;
}

/** A verification that a budget has interrupted. */
export interface VerifyRound {
  readonly since: TimeNs;
  /** What has been read: names of parts, and of segments. */
  readonly done: ReadonlyMap<string, ReadObject>;
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  readonly suspects: readonly SuspectPage[];
}

/** What was found out about one backup. */
export interface VerifyReport {
  readonly backup: string;
  /** When the backup began, by which it is told from another one of that name. */
  readonly startTime: TimeNs | undefined;
  /** Those that it builds on, nearest first; what is wrong with them is wrong with this one. */
  readonly bases: readonly string[];
  readonly status: VerifyStatus;
  /** When it (and its bases, if those earlier) was last found whole from end to end; undefined: never. */
  readonly provenAt: TimeNs | undefined;
  /** When it was last looked at. */
  readonly checkedAt: TimeNs;
  /** Objects and their stored bytes that have been read of it, of all there are: its own, and the WAL it needs. */
  readonly objects: { readonly read: number; readonly total: number };
  readonly bytes: { readonly read: number; readonly total: number };
  /** The first ones. */
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
  /** Undefined: the last one came to its end. */
  readonly round: VerifyRound | undefined;
}

const reportsAtOnce = 8;

/** Reads the reports of a storage; a damaged one counts as none. @throws the storage's errors */
export async function readVerifyReports(
  storage: Storage,
  options: Abortable = {},
): Promise<ReadonlyMap<string, VerifyReport>> {
  const names: string[] = [];
  for await (const { kind, key } of storage.list(verifyFolder, options)) {
    if (kind === 'object' && key.endsWith(suffix)) names.push(key.slice(verifyFolder.length + 1, -suffix.length));
  }
  const found = await mapConcurrently(names, reportsAtOnce, (name) => readOwnReport(storage, name, options));
  return withBases(found.flatMap((report) => (report === undefined ? [] : [report])));
}

/** What was found out about the backup itself, without its bases; undefined: nothing yet. @throws the storage's errors */
export async function readOwnReport(
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<VerifyReport | undefined> {
  try {
    return parseReport(await readText(storage, verifyReportKey(backup), options), backup);
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof CorruptError) return undefined;
    throw error;
  }
}

/** Stores what was found out about the backup itself. @throws the storage's errors */
export async function writeOwnReport(storage: Storage, report: VerifyReport, options: Abortable = {}): Promise<void> {
  const text = formatReport(report);
  await pushPlain(storage, verifyReportKey(report.backup), () => fromBytes(Buffer.from(text)), options);
}

/** The same where the storage lets us: whoever may only read can verify as well. @throws the storage's other errors */
export async function storeReport(
  storage: Storage,
  report: VerifyReport,
  { logger, signal }: Abortable & { readonly logger: Logger },
): Promise<void> {
  try {
    await writeOwnReport(storage, report, { signal });
  } catch (error) {
    if (!(error instanceof ArchiverError) || (error.kind !== 'forbidden' && error.kind !== 'cannotWrite')) throw error;
    logger.warn('the report cannot be stored', { backup: report.backup, reason: messageOf(error) });
  }
}

/** A backup is as good as the worst that it builds on, and was proven when the last of them was. Pure. */
export function withBases(reports: readonly VerifyReport[]): ReadonlyMap<string, VerifyReport> {
  const own = new Map(reports.map((report) => [report.backup, report]));
  return new Map(reports.map((report) => [report.backup, withThose(report, own)]));
}

function withThose(report: VerifyReport, own: ReadonlyMap<string, VerifyReport>): VerifyReport {
  const bases = report.bases.map((name) => own.get(name));
  const times = [report, ...bases].map((one) => one?.provenAt);
  const provenAt = times.reduce((a, b) => (a === undefined || b === undefined ? undefined : a < b ? a : b));
  const inherited = report.bases
    .filter((name) => own.get(name)?.status === 'damaged')
    .map((name) => ({ key: sentinelKey(name), file: undefined, what: `"${name}", on which it builds, is damaged` }));
  if (report.status === 'damaged' || inherited.length > 0) {
    const problems = [...report.problems, ...inherited];
    return { ...report, provenAt, status: 'damaged', problems, problemCount: report.problemCount + inherited.length };
  }
  const isProven = report.status === 'proven' && bases.every((base) => base?.status === 'proven');
  return { ...report, provenAt, status: isProven ? 'proven' : 'partial' };
}
