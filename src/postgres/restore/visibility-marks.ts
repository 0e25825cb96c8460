/**
 * Marks pages of tables as visible to all where their visibility maps say so.
 *
 * A server without page checksums marks a page (PD_ALL_VISIBLE) without a new LSN, so that no delta has the page for that
 * reason; but the map, where the same is noted, is in the delta. A table and a map that contradict each other are worse than
 * wrong: a row that is deleted from such a page stays in the map, and index-only scans return it for ever. WAL-G's restores
 * are like that. Facts: PostgreSQL src/backend/access/heap/visibilitymap.c, heapam.c (`heap_xlog_visible`).
 */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { createTurns } from '../../bytes/turns.ts';
import { codeOf } from '../../errors.ts';
import type { FetchServices, PreparedFetch } from '../backup/fetch.ts';
import { labelMember } from '../backup/names.ts';
import { labelOfOurs } from '../backup/session.ts';
import { localPath, type RestoreLayout } from '../backup/restore-target.ts';
import type { Lsn } from '../lsn.ts';
import { pageBytes, segmentPages } from '../pages/page-scan.ts';
import { isVisibilityMap } from '../pages/relation-file.ts';
import type { ChainPlan } from './chain-plan.ts';
import type { NameSet } from './name-set.ts';

/** What is to be marked. */
export interface MarksRequest {
  readonly layout: RestoreLayout;
  /** Start of the oldest backup: older pages of a map have no marks that a table may lack. */
  readonly since: Lsn;
  /** Start of the newest backup: recovery marks pages itself that changed since, and only those of before are as their map says. */
  readonly before: Lsn;
  readonly durable: boolean;
  readonly signal: AbortSignal;
  /** Only look how many pages lack their mark. */
  readonly countOnly?: boolean;
}

const headerBytes = 24;
/** Two bits for each page of the table: visible to all, frozen. */
const heapPagesPerByte = 4;
const heapPagesPerMapPage = (pageBytes - headerBytes) * heapPagesPerByte;
const flagsAt = 10;
const upperAt = 14;
const allVisibleFlag = 0x0004;

/**
 * Does so after the restore of a chain that walvault made. One of WAL-G's comes out byte for byte as WAL-G restores it, with a
 * warning where that is of two minds. With page checksums the marks have LSNs, and the pages are in the deltas.
 */
export async function markChainVisible(
  { logger, signal }: Pick<FetchServices, 'logger' | 'signal'>,
  { chain, layout, control, labels, request: { durable } }: PreparedFetch,
): Promise<void> {
  const since = chain.steps.at(-1)?.sentinel.startLsn;
  const before = chain.steps[0].sentinel.startLsn;
  const isChain = chain.steps.length > 1;
  if (!isChain || control?.contents?.dataChecksumVersion !== 0 || since === undefined || before === undefined) return;
  const label = Buffer.from(labels.get(labelMember)?.bytes ?? []).toString();
  const countOnly = !label.includes(`\nLABEL: ${labelOfOurs}`);
  const pages = await restoreVisibilityMarks(chain, { layout, since, before, durable, signal, countOnly });
  if (pages === 0) return;
  if (!countOnly) logger.info('marked pages as visible to all, as their visibility maps say', { pages });
  else {
    logger.warn(
      'pages of tables lack the mark that their visibility maps have, as in every restore of such deltas of WAL-G: run VACUUM (DISABLE_PAGE_SKIPPING) in every database when the server is up, or index-only scans may return deleted rows',
      { pages },
    );
  }
}

/**
 * Marks pages of all tables that were put together of several backups.
 *
 * @returns how many pages
 */
export async function restoreVisibilityMarks(
  { names, steps }: ChainPlan,
  { layout, since, before, durable, signal, countOnly = false }: MarksRequest,
): Promise<number> {
  if (names === undefined) return 0;
  const turn = createTurns();
  let marked = 0;
  for (const [, name] of names.entries()) {
    if (!isVisibilityMap(`/${name}`)) continue;
    signal.throwIfAborted();
    await turn();
    const [, table = '', mapSegment = '0'] = /^(.*)_vm(?:\.(\d+))?$/.exec(name) ?? [];
    for (const { mapPage, block } of markedMapPages(localPath(layout, name), since)) {
      const first = (Number(mapSegment) * segmentPages + block) * heapPagesPerMapPage;
      for (const { file, number, from, to } of filesOf(table, first, names)) {
        if (!steps.some(({ files }) => files?.actionOf(number) === 'increment')) continue;
        const wanted = (page: number) => isMarked(mapPage, from + page - first);
        const marking = { wanted, before, durable, countOnly };
        marked += markFile(localPath(layout, file), from % segmentPages, to - from, marking);
      }
      signal.throwIfAborted();
      await turn();
    }
  }
  return marked;
}

/** The files of a table that hold the pages of one page of its map, from `first` on, each with its stretch of them. */
function* filesOf(table: string, first: number, names: NameSet) {
  const end = first + heapPagesPerMapPage;
  for (let segment = Math.floor(first / segmentPages); segment * segmentPages < end; segment += 1) {
    const file = segment === 0 ? table : `${table}.${segment}`;
    const number = names.numberOf(file);
    const from = Math.max(first, segment * segmentPages);
    const to = Math.min(end, (segment + 1) * segmentPages);
    if (number !== undefined) yield { file, number, from, to };
  }
}

function isMarked(map: Uint8Array, page: number): boolean {
  const byte = map[headerBytes + Math.floor(page / heapPagesPerByte)] ?? 0;
  return ((byte >> ((page % heapPagesPerByte) * 2)) & 1) === 1;
}

/** Pages of a map that the server wrote to since `since`. */
function* markedMapPages(
  path: string,
  since: Lsn,
): Generator<{ readonly mapPage: Uint8Array; readonly block: number }> {
  const fd = openIfThere(path, 'r');
  if (fd === undefined) return;
  try {
    const mapPage = Buffer.alloc(pageBytes);
    for (let block = 0; readSync(fd, mapPage, 0, pageBytes, block * pageBytes) === pageBytes; block += 1) {
      if (mapPage.readUInt16LE(upperAt) !== 0 && lsnOf(mapPage) >= since) yield { mapPage, block };
    }
  } finally {
    closeSync(fd);
  }
}

interface Marking {
  /** Whether the map has a mark for a page, counted from the first one. */
  readonly wanted: (page: number) => boolean;
  readonly before: Lsn;
  readonly durable: boolean;
  readonly countOnly: boolean;
}

function markFile(path: string, first: number, count: number, marking: Marking): number {
  const { wanted, before, durable, countOnly } = marking;
  const fd = openIfThere(path, marking.countOnly ? 'r' : 'r+');
  if (fd === undefined) return 0;
  let marked = 0;
  try {
    const header = Buffer.alloc(headerBytes);
    for (let page = 0; page < count; page += 1) {
      if (!wanted(page)) continue;
      const at = (first + page) * pageBytes;
      if (readSync(fd, header, 0, headerBytes, at) < headerBytes) break;
      const flags = header.readUInt16LE(flagsAt);
      if (header.readUInt16LE(upperAt) === 0 || (flags & allVisibleFlag) !== 0 || lsnOf(header) >= before) continue;
      header.writeUInt16LE(flags | allVisibleFlag, flagsAt);
      if (!countOnly) writeSync(fd, header, flagsAt, 2, at + flagsAt);
      marked += 1;
    }
    if (durable && !countOnly && marked > 0) fsyncSync(fd);
    return marked;
  } finally {
    closeSync(fd);
  }
}

function lsnOf(page: Buffer): bigint {
  return (BigInt(page.readUInt32LE(0)) << 32n) | BigInt(page.readUInt32LE(4));
}

/** A restore of some tables leaves others out. */
function openIfThere(path: string, flags: 'r' | 'r+'): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
