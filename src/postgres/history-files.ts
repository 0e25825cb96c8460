/** History files of timelines, as text: in `pg_wal` of a cluster, and in an archive. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collect } from '../bytes/stage.ts';
import { walKey } from '../catalog/layout.ts';
import { codeOf } from '../errors.ts';
import { openObject } from '../pipeline/find-object.ts';
import type { Transport } from '../pipeline/transport.ts';
import type { Abortable } from '../storage/storage.ts';
import { historyFileName } from './timeline.ts';

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
