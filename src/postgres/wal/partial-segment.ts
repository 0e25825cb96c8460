/**
 * Partial segments (`<name>.partial`) for a server that recovers. PostgreSQL never asks for one. Where the archive ends, the
 * one that `wal-receive` has stored brings recovery on to the last record in it: behind that are zeros, which PostgreSQL
 * takes for the end of the WAL.
 */
import { walKey } from '../../catalog/layout.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { openObject, type OpenedObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable } from '../../storage/storage.ts';
import { readArchivedHistory } from '../history-files.ts';
import { formatLsn, toLsn, type Lsn } from '../lsn.ts';
import { parseTimelineHistory } from '../timeline.ts';
import { readSegmentHeader } from '../wal-page.ts';

/**
 * Opens the partial segment of a name, as a segment: with zeros from where another timeline branched off in it. A recovery
 * that follows that one must not go beyond, and asks for this segment when the other one's own is not archived.
 *
 * @returns undefined when there is none
 * @throws as `openObject`; CorruptError for a malformed history file
 */
export async function openPartialSegment(
  archive: Transport,
  name: string,
  options: Abortable & { readonly logger: Logger },
): Promise<OpenedObject | undefined> {
  const opened = await openObject(archive, walKey(`${name}.partial`), options);
  if (opened === undefined) return undefined;
  const timeline = Number.parseInt(name.slice(0, 8), 16);
  const branches = await branchesOf(archive, timeline, options);
  const bytes = branches.length === 0 ? opened.bytes : cutAtBranch(opened.bytes, { name, branches, ...options });
  return { key: opened.key, bytes };
}

/** Where younger timelines left this one. They are numbered without gaps, and PostgreSQL looks for them in the same way. */
async function branchesOf(archive: Transport, timeline: number, options: Abortable): Promise<readonly Lsn[]> {
  const branches: Lsn[] = [];
  for (let younger = timeline + 1; ; younger += 1) {
    const text = await readArchivedHistory(archive, younger, options);
    if (text === undefined) return branches;
    const left = parseTimelineHistory(text, younger).find((one) => one.timeline === timeline);
    if (left !== undefined) branches.push(left.switchLsn);
  }
}

async function* cutAtBranch(
  source: ByteSource,
  { name, branches, logger }: { readonly name: string; readonly branches: readonly Lsn[]; readonly logger: Logger },
): ByteSource {
  let offset = 0;
  let limit = Number.POSITIVE_INFINITY;
  for await (const chunk of source) {
    if (offset === 0) {
      const header = readSegmentHeader(chunk);
      if (header === undefined)
        throw new CorruptError(`partial segment of "${name}" does not begin like a WAL segment`);
      const { start, segmentBytes } = header;
      const within = branches.map((branch) => branch - start).filter((at) => at > 0n && at < BigInt(segmentBytes));
      limit = Math.min(...within.map(Number), limit);
      if (within.length > 0) {
        const at = formatLsn(toLsn(start + BigInt(limit)));
        logger.warn('the partial segment is taken up to where another timeline begins', { name, at });
      }
    }
    const kept = Math.max(0, Math.min(chunk.length, limit - offset));
    offset += chunk.length;
    yield kept === chunk.length ? chunk : Buffer.concat([chunk.subarray(0, kept), Buffer.alloc(chunk.length - kept)]);
  }
}
