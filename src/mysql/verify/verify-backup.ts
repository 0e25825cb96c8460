/** Verifies one backup: its chain, its stream, and that a replay of binlogs can begin where it stands. */
import { sentinelKey } from '../../catalog/layout.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { createProblems } from '../../catalog/verify/problems.ts';
import type { VerifyProblem, VerifyReport } from '../../catalog/verify/report.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { StoredObject } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { readChain } from '../backup/chain.ts';
import { positionKey, readPositionNote, type StartPosition } from '../backup/position-note.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { parseBinlogName } from '../binlog/binlog-name.ts';
import { binlogRunFrom } from '../binlog/binlog-run.ts';
import type { BinlogSource } from '../binlog/range/source.ts';
import { readBinlog } from './read-binlog.ts';
import type { VerifyServices } from './services.ts';
import { verifyStream } from './verify-stream.ts';

/** A backup to be verified. */
export interface VerifyBackupRequest {
  readonly backup: string;
  readonly previous: VerifyReport | undefined;
  /** All of the archive, by name. */
  readonly binlogs: readonly BinlogSource[];
}

/** So many problems of a backup are told. */
const toldProblems = 100;

/**
 * Reads the backup.
 *
 * @throws ObjectNotFoundError when it is not there; the storage's errors; ArchiverError (`forbidden`) for wrong keys
 */
export async function verifyBackup(
  services: VerifyServices,
  { backup, previous, binlogs }: VerifyBackupRequest,
): Promise<VerifyReport> {
  const { transport, clock, signal } = services;
  const { storage } = transport;
  const problems = createProblems(toldProblems);
  const notes: string[] = [];
  const sentinel = await readSentinel(storage, backup, { signal }).catch((error: unknown) => {
    if (!(error instanceof CorruptError)) throw error;
    problems.add({ key: sentinelKey(backup), file: undefined, what: error.message });
    return undefined;
  });
  let objects: readonly StoredObject[] = [];
  let bases: readonly string[] = [];
  if (sentinel !== undefined) {
    bases = await basesOf(services, { backup, sentinel }, (problem) => {
      problems.add(problem);
    });
    const noted = await notedPosition(services, backup, (problem) => {
      problems.add(problem);
    });
    const stream = await verifyStream(services, { name: backup, sentinel, position: noted });
    objects = stream.objects;
    notes.push(...stream.notes);
    for (const problem of stream.problems) problems.add(problem);
    const position = noted ?? stream.position;
    const found = await verifyPosition(services, binlogs, { backup, position, binlogStart: sentinel.binlogStart });
    notes.push(...found.notes);
    for (const problem of found.problems) problems.add(problem);
  }
  // What is missing may have been deleted, and the backup with it.
  if (problems.count > 0 && (await storage.stat(sentinelKey(backup), { signal })) === undefined) {
    throw new ObjectNotFoundError(sentinelKey(backup), storage.location);
  }
  const checkedAt = timeOfDate(clock.now());
  const storedBytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const status = problems.count > 0 ? 'damaged' : 'proven';
  return {
    ...{ backup, startTime: sentinel?.startTime, bases, status },
    provenAt: status === 'proven' ? checkedAt : provenBefore(previous, sentinel?.startTime),
    checkedAt,
    objects: { read: objects.length, total: objects.length },
    bytes: { read: storedBytes, total: storedBytes },
    ...{ problems: problems.first, problemCount: problems.count, notes, round: undefined },
  };
}

/** Of this backup, not of another one that had its name. */
function provenBefore(previous: VerifyReport | undefined, startTime: TimeNs | undefined): TimeNs | undefined {
  return previous !== undefined && previous.startTime === startTime ? previous.provenAt : undefined;
}

type Add = (problem: VerifyProblem) => void;

async function basesOf(
  { transport, signal }: VerifyServices,
  link: { readonly backup: string; readonly sentinel: Sentinel },
  add: Add,
): Promise<readonly string[]> {
  try {
    const chain = await readChain(transport.storage, link, { signal });
    return chain
      .slice(0, -1)
      .toReversed()
      .map(({ backup }) => backup);
  } catch (error) {
    if (!(error instanceof ArchiverError) || !['corrupt', 'missing'].includes(error.kind)) throw error;
    add({ key: sentinelKey(link.backup), file: undefined, what: error.message });
    return [];
  }
}

async function notedPosition(
  { transport, signal }: VerifyServices,
  backup: string,
  add: Add,
): Promise<StartPosition | undefined> {
  try {
    return (await readPositionNote(transport.storage, backup, { signal }))?.position;
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    add({ key: positionKey(backup), file: undefined, what: error.message });
    return undefined;
  }
}

/** Where the backup stands. */
interface Stand {
  readonly backup: string;
  readonly position: StartPosition | undefined;
  readonly binlogStart: string | undefined;
}

/** Whether a replay can begin there, and how far by their names the binlogs lead. */
async function verifyPosition(
  { signal }: VerifyServices,
  binlogs: readonly BinlogSource[],
  { backup, position, binlogStart }: Stand,
): Promise<{ readonly problems: readonly VerifyProblem[]; readonly notes: readonly string[] }> {
  const start = parseBinlogName(position?.binlog ?? binlogStart ?? '');
  if (start === undefined) return { problems: [], notes: ['where it stands in the binlogs is not recorded'] };
  const { present, missing } = binlogRunFrom(binlogs, start);
  const notes = missing.map(({ first, count }) =>
    count === 1 ? `"${first}" is missing behind it` : `${count} binlogs are missing behind it, from "${first}" on`,
  );
  const binlog = present.find(({ number }) => number === start.number);
  if (binlog === undefined) {
    if (present.length === 0) notes.push(`"${start.name}", in which it stands, is not in the archive yet`);
    return { problems: [], notes };
  }
  if (position === undefined || !position.isExact || position.source === 'sentinel') return { problems: [], notes };
  const what = await problemAt(binlog, position.position, signal);
  const key = `${binlog.name}:${position.position}`;
  return { problems: what === undefined ? [] : [{ key: positionKey(backup), file: key, what }], notes };
}

async function problemAt(binlog: BinlogSource, position: number, signal: AbortSignal): Promise<string | undefined> {
  try {
    const source = await binlog.open({ signal });
    const { summary, within } = await readBinlog(source, { name: binlog.name, positions: [position], mayBeCut: true });
    if (within.length === 0) return undefined;
    if (position <= summary.bytes) return 'no event begins at this position';
    return binlog.isTail ? undefined : `the binlog ends before this position, at ${summary.bytes}`;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    if (error instanceof CorruptError) return `the binlog cannot be read: ${error.message}`;
    throw error;
  }
}
