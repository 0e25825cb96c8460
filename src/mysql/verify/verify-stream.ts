/** Reads the stream of a backup to its end and compares it with all that is known of it. */
import { backupFolder, sentinelKey } from '../../catalog/layout.ts';
import type { VerifyProblem } from '../../catalog/verify/report.ts';
import { ArchiverError } from '../../errors.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import type { StoredObject } from '../../storage/storage.ts';
import { findStream } from '../../stream/find-stream.ts';
import { openStream } from '../../stream/open-stream.ts';
import type { StartPosition } from '../backup/position-note.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { StreamInspection, type StreamFindings } from '../backup/stream-inspection.ts';
import type { VerifyServices } from './services.ts';

/** What is known of a stream before it is read. */
export interface ExpectedStream {
  readonly name: string;
  readonly sentinel: Sentinel;
  /** As the backup's note says. */
  readonly position: StartPosition | undefined;
}

/** What came of reading it. */
export interface VerifiedStream {
  readonly objects: readonly StoredObject[];
  readonly problems: readonly VerifyProblem[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
  /** Where the stream says that the backup stands. */
  readonly position: StartPosition | undefined;
}

/**
 * Reads the stream.
 *
 * @throws the storage's errors; ArchiverError (`forbidden`) when the keys that are set are not those of the backup
 */
export async function verifyStream(services: VerifyServices, expected: ExpectedStream): Promise<VerifiedStream> {
  const { transport, signal } = services;
  const { name, sentinel } = expected;
  const found = await orDamage(() => findStream(transport, name, { signal }));
  if (typeof found === 'string') {
    const problem = { key: backupFolder(name), file: undefined, what: found };
    return { objects: [], problems: [problem], notes: [], position: undefined };
  }
  const objects = found.parts.flat();
  const [first, ...others] = objects;
  const key = first === undefined || others.length > 0 ? backupFolder(name) : first.key;
  const problem = (what: string): VerifyProblem => ({ key, file: undefined, what });
  const read = await orDamage(() => readThrough(services, name));
  if (typeof read === 'string') return { objects, problems: [problem(read)], notes: [], position: undefined };
  const { rawBytes, findings } = read;
  const problems: VerifyProblem[] = [];
  const { uncompressedBytes } = sentinel;
  if (uncompressedBytes !== undefined && rawBytes !== uncompressedBytes) {
    problems.push(problem(`it has ${rawBytes} bytes, and its sentinel says ${uncompressedBytes}`));
  }
  if (findings.cut !== undefined) problems.push(problem(findings.cut));
  for (const what of contradictions(expected, findings)) {
    problems.push({ key: sentinelKey(name), file: undefined, what });
  }
  return { objects, problems, notes: [...notesOf(findings, sentinel)], position: findings.position };
}

/** What is damage is a text; what says nothing about the backup is thrown. */
async function orDamage<T>(read: () => Promise<T>): Promise<T | string> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ArchiverError) || error instanceof StorageForbiddenError) throw error;
    if (error.kind !== 'corrupt' && error.kind !== 'missing') throw error;
    return error.message;
  }
}

interface ReadStream {
  readonly rawBytes: number;
  readonly findings: StreamFindings;
}

async function readThrough(services: VerifyServices, name: string): Promise<ReadStream> {
  const { transport, attempts, clock, logger, signal } = services;
  const inspection = new StreamInspection({ allowCut: true });
  let rawBytes = 0;
  for await (const chunk of await openStream(transport, name, { attempts, clock, logger, signal })) {
    rawBytes += chunk.length;
    inspection.feed(chunk);
  }
  return { rawBytes, findings: await inspection.findings() };
}

function* contradictions({ sentinel, position }: ExpectedStream, findings: StreamFindings): Generator<string> {
  const { fromLsn, toLsn } = findings;
  if (toLsn !== undefined && sentinel.toLsn !== undefined && toLsn !== sentinel.toLsn) {
    yield `it says that its pages go to LSN ${sentinel.toLsn}, and the stream ${toLsn}`;
  }
  if (fromLsn !== undefined && sentinel.fromLsn !== undefined && fromLsn !== sentinel.fromLsn) {
    yield `it says that its pages begin at LSN ${sentinel.fromLsn}, and the stream ${fromLsn}`;
  }
  const found = findings.position;
  if (found === undefined || position === undefined || !position.isExact || position.source === 'server') return;
  if (found.binlog !== position.binlog || found.position !== position.position) {
    const own = `${position.binlog}:${position.position}`;
    yield `its note says that it stands at ${own}, and the stream ${found.binlog}:${found.position}`;
  }
}

function* notesOf(findings: StreamFindings, sentinel: Sentinel): Generator<string> {
  if (findings.format === 'unknown') {
    const length = sentinel.uncompressedBytes === undefined ? ', whose length is not recorded' : '';
    yield `the stream is of a kind that is not looked into${length}`;
  }
  if (findings.notUnderstood !== undefined) yield `not looked into: ${findings.notUnderstood}`;
}
