/**
 * Whether the cluster that is backed up went on from where the base ended. Only then do its pages, where their LSN is
 * older than the base, equal those of the base. What cannot be proven is no base.
 */
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import { CorruptError } from '../../errors.ts';
import { findObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable } from '../../storage/storage.ts';
import { readStoredControl } from '../backup/control-of-backup.ts';
import { controlPart } from '../backup/names.ts';
import { readArchivedHistory, readLocalHistory } from '../history-files.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import type { ServerFacts } from '../server/server.ts';
import { historyFileName, leadsThrough, parseTimelineHistory, spansOf } from '../timeline.ts';
import { pageBytes } from '../pages/page-scan.ts';
import type { DeltaBase } from './base.ts';

/** The backup that has begun on the server. */
export interface BegunBackup {
  readonly startLsn: Lsn;
  readonly timeline: number;
}

/** Where it can be looked up. */
export interface Evidence {
  readonly server: Pick<ServerFacts, 'systemIdentifier' | 'version' | 'blockBytes' | 'dataChecksums'>;
  readonly dataDirectory: string;
  /** Where the WAL is archived. */
  readonly archive: Transport;
  /** Where the base is. */
  readonly backups: Transport;
  readonly logger: Logger;
}

const versionsPerMajor = 10_000;

/** @returns why it is no base; undefined when all is proven */
export async function objectionTo(
  base: DeltaBase,
  begun: BegunBackup,
  evidence: Evidence,
  options: Abortable,
): Promise<string | undefined> {
  const { server } = evidence;
  if (server.blockBytes !== pageBytes) return `the server has pages of ${server.blockBytes} bytes`;
  if (server.systemIdentifier === undefined || base.systemIdentifier === undefined) {
    return `it is not known whether "${base.name}" is of this cluster`;
  }
  if (server.systemIdentifier !== base.systemIdentifier) return `"${base.name}" is of another cluster`;
  if (Math.floor(server.version / versionsPerMajor) !== Math.floor(base.pgVersion / versionsPerMajor)) {
    return `"${base.name}" is of another major version of PostgreSQL`;
  }
  if (base.finishLsn > begun.startLsn) {
    return `"${base.name}" ended at ${formatLsn(base.finishLsn)}, and the server is only at ${formatLsn(begun.startLsn)}`;
  }
  return (
    (await objectionOfChecksums(base, evidence, options)) ??
    (await objectionOfHistory(base, begun.timeline, evidence, options))
  );
}

/** `pg_checksums --enable` writes every page anew and leaves its LSN. */
async function objectionOfChecksums(
  { name, systemIdentifier }: DeltaBase,
  { server, backups, logger }: Evidence,
  options: Abortable,
): Promise<string | undefined> {
  // A key that only encrypts cannot tell; see docs/delta-backups.md.
  if (!server.dataChecksums || !(await canRead(backups))) return undefined;
  const found = await findObject(backups, `${tarPartitionsFolder(name)}/${controlPart}`, options);
  if (found === undefined) return `"${name}" has no control file`;
  try {
    const { contents } = await readStoredControl(backups, found.key, { ...options, systemIdentifier, logger });
    if (contents !== undefined && contents.dataChecksumVersion > 0) return undefined;
    return `"${name}" is from before the cluster got checksums`;
  } catch (error) {
    if (error instanceof CorruptError) return error.message;
    throw error;
  }
}

async function objectionOfHistory(
  base: DeltaBase,
  timeline: number,
  { dataDirectory, archive }: Evidence,
  options: Abortable,
): Promise<string | undefined> {
  if (timeline === 1 && base.finishTimeline === 1) return undefined;
  const elsewhere = `"${base.name}" is of timeline ${base.finishTimeline}, the server is on ${timeline}`;
  if (base.finishTimeline > timeline) return elsewhere;
  const name = historyFileName(timeline);
  const local = readLocalHistory(dataDirectory, timeline);
  const archived = (await canRead(archive)) ? await readArchivedHistory(archive, timeline, options) : undefined;
  // Two servers that were promoted independently of each other may both call their timeline 2.
  if (local !== undefined && archived !== undefined && local !== archived) {
    return `the archive has another "${name}" than the server`;
  }
  if (base.finishTimeline === timeline) return undefined;
  const text = local ?? archived;
  if (text === undefined) return `${elsewhere}, and there is no "${name}" to tell how it came about`;
  let history;
  try {
    history = parseTimelineHistory(text, timeline);
  } catch (error) {
    if (error instanceof CorruptError) return error.message;
    throw error;
  }
  if (leadsThrough(spansOf(timeline, history), base.finishTimeline, base.finishLsn)) return undefined;
  return `${elsewhere}, which branched off before "${base.name}" had ended`;
}

async function canRead({ crypter }: Transport): Promise<boolean> {
  return crypter === undefined || (await crypter.report()).canDecrypt;
}
