/** History files of timelines, as text: in `pg_wal` of a cluster, and in an archive. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collect } from '../bytes/stage.ts';
import { walKey } from '../catalog/layout.ts';
import { ArchiverError, codeOf, CorruptError } from '../errors.ts';
import { openObject } from '../pipeline/find-object.ts';
import { readDecoded, type Transport } from '../pipeline/transport.ts';
import { ObjectNotFoundError, StorageForbiddenError } from '../storage/errors.ts';
import type { Abortable, Key } from '../storage/storage.ts';
import { historyFileName, parseTimelineHistory, type TimelineSwitch } from './timeline.ts';

const largestHistory = 1 << 20;

/** Undefined when the cluster has none of this timeline. */
export function readLocalHistory(dataDirectory: string, timeline: number): string | undefined {
  try {
    return readFileSync(join(dataDirectory, 'pg_wal', historyFileName(timeline)), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined when the archive has none of this timeline. @throws as `openObject` */
export async function readArchivedHistory(
  archive: Transport,
  timeline: number,
  options: Abortable,
): Promise<string | undefined> {
  const opened = await openObject(archive, walKey(historyFileName(timeline)), options);
  return opened === undefined ? undefined : (await collect(opened.bytes, largestHistory)).toString();
}

/** Reads a history file that was listed. @throws ObjectNotFoundError, CorruptError, the storage's errors */
export async function readListedHistory(
  archive: Transport,
  { timeline, key }: { readonly timeline: number; readonly key: Key },
  options: Abortable,
): Promise<readonly TimelineSwitch[]> {
  const source = await readDecoded(archive, key, options);
  const text = await collect(source, largestHistory).catch((error: unknown) => {
    if (error instanceof RangeError) throw new CorruptError(`object is too big: "${key}"`, { cause: error });
    throw error;
  });
  return parseTimelineHistory(text.toString(), timeline);
}

/**
 * The same, where what cannot be read is only told: damaged, gone since, or `forbidden` by the keys, as where there is only a
 * public one.
 *
 * @throws the storage's errors
 */
export async function readHistoryOrProblem(
  ...listed: Parameters<typeof readListedHistory>
): Promise<readonly TimelineSwitch[] | ArchiverError> {
  try {
    return await readListedHistory(...listed);
  } catch (error) {
    if (error instanceof CorruptError || error instanceof ObjectNotFoundError) return error;
    const isForOtherKeys = error instanceof ArchiverError && error.kind === 'forbidden';
    if (isForOtherKeys && !(error instanceof StorageForbiddenError)) return error;
    throw error;
  }
}
