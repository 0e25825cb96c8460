/**
 * What one archived segment changes, noted beside the WAL until its group of 16 is complete. A note is whole or it is
 * not there: it is put in place by its name, and carries a sum. Ours alone; nobody else reads it.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../bytes/crc32c.ts';
import { codeOf, CorruptError } from '../../errors.ts';
import { removeQuietly } from '../../platform/files.ts';
import { layoutOf, type WalLayout } from '../wal-records/layout.ts';
import type { SegmentEdges } from '../wal-records/segment-scanner.ts';
import type { ChangedBlock } from './block-sets.ts';

/** What is known of a segment. */
export interface SegmentNote {
  readonly layout: WalLayout;
  readonly edges: SegmentEdges;
  /** The server wrote with `wal_level = minimal`. */
  readonly isUnlogged: boolean;
  readonly entries: readonly ChangedBlock[];
}

/** The notes beside the WAL of one server. Calls throw the system's errors. */
export interface SegmentNotes {
  names(): readonly string[];
  has(name: string): boolean;
  /** @returns undefined when there is none, or it is damaged */
  read(name: string): SegmentNote | undefined;
  write(name: string, note: Omit<SegmentNote, 'layout'>, magic: number): void;
  remove(name: string): void;
}

interface Head {
  readonly version: number;
  readonly magic: number;
  readonly edges: Omit<SegmentEdges, 'head' | 'tail'>;
  readonly headBytes: number;
  readonly tailBytes: number;
  readonly isUnlogged: boolean;
  readonly entries: number;
  readonly sum: number;
}

const version = 1;
const entryBytes = 16;

/** The notes in a WAL folder. */
export function openSegmentNotes(walDirectory: string): SegmentNotes {
  const folder = join(walDirectory, 'walg_data', 'walvault_changed_blocks');
  const pathOf = (name: string): string => join(folder, name);

  function names(): readonly string[] {
    try {
      return readdirSync(folder);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  return {
    names,
    has: (name) => names().includes(name),
    read(name) {
      try {
        return parseNote(readFileSync(pathOf(name)));
      } catch (error) {
        if (error instanceof CorruptError || codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    write(name, note, magic) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const temporary = pathOf(`${name}.${process.pid}.tmp`);
      try {
        writeFileSync(temporary, formatNote(note, magic), { mode: 0o600 });
        renameSync(temporary, pathOf(name));
      } catch (error) {
        removeQuietly(temporary);
        throw error;
      }
    },
    remove: (name) => rmSync(pathOf(name), { force: true }),
  };
}

function formatNote({ edges, isUnlogged, entries }: Omit<SegmentNote, 'layout'>, magic: number): Buffer {
  const { head, tail, ...others } = edges;
  const blocks = Buffer.alloc(entries.length * entryBytes);
  let at = 0;
  for (const { tablespaceOid, databaseOid, relfilenode, block } of entries) {
    for (const value of [tablespaceOid, databaseOid, relfilenode, block]) at = blocks.writeUInt32LE(value, at);
  }
  const body = Buffer.concat([head, tail, blocks]);
  const first: Head = {
    version,
    magic,
    edges: others,
    headBytes: head.length,
    tailBytes: tail.length,
    isUnlogged,
    entries: entries.length,
    sum: crc32c(body),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(first)}\n`), body]);
}

/** @throws CorruptError */
function parseNote(bytes: Buffer): SegmentNote {
  const end = bytes.indexOf('\n');
  const first = parseHead(bytes.subarray(0, Math.max(0, end)).toString());
  const body = bytes.subarray(end + 1);
  const { headBytes, tailBytes, entries: count } = first;
  const isWhole = body.length === headBytes + tailBytes + count * entryBytes && crc32c(body) === first.sum;
  if (!isWhole) throw new CorruptError('a note of changed blocks is damaged');
  const entries = Array.from({ length: count }, (_, index) => {
    const at = headBytes + tailBytes + index * entryBytes;
    return {
      tablespaceOid: body.readUInt32LE(at),
      databaseOid: body.readUInt32LE(at + 4),
      relfilenode: body.readUInt32LE(at + 8),
      block: body.readUInt32LE(at + 12),
    };
  });
  return {
    layout: layoutOf(first.magic),
    isUnlogged: first.isUnlogged,
    entries,
    edges: {
      ...first.edges,
      // JSON leaves out what is undefined.
      firstPrevious: first.edges.firstPrevious,
      lastRecord: first.edges.lastRecord,
      tailRecord: first.edges.tailRecord,
      head: body.subarray(0, headBytes),
      tail: body.subarray(headBytes, headBytes + tailBytes),
    },
  };
}

function parseHead(text: string): Head {
  try {
    const first = JSON.parse(text) as Head;
    if (first.version === version) return first;
  } catch {
    // Told below.
  }
  throw new CorruptError('a note of changed blocks is damaged');
}
