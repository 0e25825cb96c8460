/**
 * The objects `<segment>_delta` of WAL-G: blocks that 16 segments of WAL change. Format: `postgres-storage.md` 12.4 of the
 * specification. Ours begin with an entry that says so: WAL-G's cannot be relied on, see docs/deltas-from-wal.md.
 */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { parseSegmentName, segmentName, type SegmentId } from '../wal-segment.ts';
import { anyBlock, type BlockSets, type ChangedBlock } from './block-sets.ts';

/** Segments in a group. */
export const groupSegments = 16n;

const entryBytes = 16;
const entriesAtOnce = 4096;

/** An entry of no relation, which WAL-G reads past: it tells that cut and copied relations are marked as such. */
export const signature: ChangedBlock = {
  tablespaceOid: 0xffff_ffff,
  databaseOid: 0x57414c56,
  relfilenode: 1,
  block: anyBlock,
};

/** The first segment of the group of this one. */
export function groupOf({ timeline, number }: SegmentId): SegmentId {
  return { timeline, number: number - (number % groupSegments) };
}

/** Name of the object of a group, without its suffix. @param first the first segment of the group */
export function deltaFileName(first: SegmentId, segmentBytes: number): string {
  return `${segmentName(first, segmentBytes)}_delta`;
}

/** The first segment of the group whose object has this name; undefined for other names. */
export function parseDeltaFileName(name: string, segmentBytes: number): SegmentId | undefined {
  return name.endsWith('_delta') ? parseSegmentName(name.slice(0, -6), segmentBytes) : undefined;
}

/**
 * The content of an object.
 *
 * @param begun the beginning of the record that goes on behind the group
 */
// eslint-disable-next-line @typescript-eslint/require-await -- a ByteSource is what callers need
export async function* writeDeltaFile(entries: Iterable<ChangedBlock>, begun: Uint8Array): ByteSource {
  const buffer = Buffer.alloc(entriesAtOnce * entryBytes);
  let at = 0;
  for (const { tablespaceOid, databaseOid, relfilenode, block } of entries) {
    at = buffer.writeUInt32LE(tablespaceOid, at);
    at = buffer.writeUInt32LE(databaseOid, at);
    at = buffer.writeUInt32LE(relfilenode, at);
    at = buffer.writeUInt32LE(block, at);
    if (at < buffer.length) continue;
    yield buffer;
    at = 0;
  }
  if (at > 0) yield buffer.subarray(0, at);
  const end = Buffer.alloc(entryBytes + 4);
  end.writeUInt32LE(begun.length, entryBytes);
  yield end;
  if (begun.length > 0) yield begun;
}

/** What is in an object beside its entries. */
export interface DeltaFileEnd {
  /** This program, or one that says the same, has written it. */
  readonly isOurs: boolean;
  readonly begun: Uint8Array;
}

/**
 * Reads an object. What is not ours is left where it is after its first entry.
 *
 * @param sets takes the entries
 * @throws CorruptError when it is cut off, or more comes behind its end; the source's errors
 */
export async function readDeltaFile(source: ByteSource, sets: BlockSets): Promise<DeltaFileEnd> {
  const reader = new ByteReader(source);
  try {
    for (let entry = 0; ; entry += 1) {
      const bytes = await exactly(reader, entryBytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, entryBytes);
      const tablespaceOid = view.getUint32(0, true);
      const databaseOid = view.getUint32(4, true);
      const relfilenode = view.getUint32(8, true);
      const block = view.getUint32(12, true);
      if (entry === 0) {
        if (isSignature({ tablespaceOid, databaseOid, relfilenode, block })) continue;
        return { isOurs: false, begun: new Uint8Array(0) };
      }
      if (tablespaceOid === 0 && databaseOid === 0 && relfilenode === 0 && block === 0) break;
      sets.block(tablespaceOid, databaseOid, relfilenode, 0, block);
    }
    const length = Buffer.from(await exactly(reader, 4)).readUInt32LE();
    const begun = Uint8Array.from(await exactly(reader, length));
    if ((await reader.readSome(1)) !== undefined) throw new CorruptError('more follows the end of the delta file');
    return { isOurs: true, begun };
  } finally {
    await reader.close();
  }
}

function isSignature(entry: ChangedBlock): boolean {
  return (
    entry.tablespaceOid === signature.tablespaceOid &&
    entry.databaseOid === signature.databaseOid &&
    entry.relfilenode === signature.relfilenode &&
    entry.block === signature.block
  );
}

async function exactly(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = count === 0 ? new Uint8Array(0) : await reader.read(count);
  if (bytes.length < count) throw new CorruptError('the delta file is cut off');
  return bytes;
}
