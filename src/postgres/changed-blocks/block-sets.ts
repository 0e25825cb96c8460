/**
 * Sets of blocks, by relation and segment file. A bit for every block up to the last one that is in: memory is at most
 * 1/65,536 of what the relations take on disk, and 16 KiB for each of their files.
 */
import { segmentPages } from '../pages/page-scan.ts';
import type { ChangeListener } from '../wal-records/block-references.ts';
import type { Changes, RelationSegment } from './changed-blocks.ts';

/** One entry of a list of changes. */
export interface ChangedBlock {
  readonly tablespaceOid: number;
  readonly databaseOid: number;
  /** 0: of all relations of the database in the tablespace. */
  readonly relfilenode: number;
  /** In the relation, through all its segment files; {@link anyBlock}: it must be scanned. */
  readonly block: number;
}

/** PostgreSQL's `InvalidBlockNumber`. */
export const anyBlock = 0xffff_ffff;

type SegmentBits = Map<number, Uint8Array>;
type Relations = Map<number, SegmentBits | 'scan'>;

/** Collects what WAL records change. */
export class BlockSets implements ChangeListener {
  readonly #relations = new Map<number, Map<number, Relations>>();
  #isUnlogged = false;
  #lastTablespace = -1;
  #lastDatabase = -1;
  #lastRelation = -1;
  #lastBits: SegmentBits | 'scan' = 'scan';

  /** WAL does not tell all changes. */
  get isUnlogged(): boolean {
    return this.#isUnlogged;
  }

  block(tablespaceOid: number, databaseOid: number, relfilenode: number, fork: number, block: number): void {
    if (fork !== 0) return;
    if (block === anyBlock) {
      this.reset(tablespaceOid, databaseOid, relfilenode);
      return;
    }
    if (
      relfilenode !== this.#lastRelation ||
      databaseOid !== this.#lastDatabase ||
      tablespaceOid !== this.#lastTablespace
    ) {
      this.#lastBits = this.#bitsOf(tablespaceOid, databaseOid, relfilenode);
      this.#lastTablespace = tablespaceOid;
      this.#lastDatabase = databaseOid;
      this.#lastRelation = relfilenode;
    }
    const bits = this.#lastBits;
    if (bits === 'scan') return;
    const segment = Math.floor(block / segmentPages);
    const page = block % segmentPages;
    const byte = page >> 3;
    let file = bits.get(segment);
    if (file === undefined || file.length <= byte) {
      file = grown(file, byte + 1);
      bits.set(segment, file);
    }
    file[byte] = (file[byte] ?? 0) | (1 << (page & 7));
  }

  reset(tablespaceOid: number, databaseOid: number, relfilenode: number): void {
    this.#databaseOf(tablespaceOid, databaseOid).set(relfilenode, 'scan');
    this.#lastRelation = -1;
  }

  databaseCopied(tablespaceOid: number, databaseOid: number): void {
    this.reset(tablespaceOid, databaseOid, 0);
  }

  unlogged(): void {
    this.#isUnlogged = true;
  }

  /** What is known of a file. */
  of({ tablespaceOid, databaseOid, relfilenode, segment }: RelationSegment): Changes {
    const database = this.#relations.get(tablespaceOid)?.get(databaseOid);
    if (database === undefined) return 'none';
    if (database.has(0)) return 'scan';
    const bits = database.get(relfilenode);
    if (bits === 'scan') return 'scan';
    const file = bits?.get(segment);
    return file === undefined ? 'none' : Uint32Array.from(pagesOf(file));
  }

  /** Everything, by relation, each block once. */
  *[Symbol.iterator](): Generator<ChangedBlock> {
    for (const [tablespaceOid, databases] of this.#relations) {
      for (const [databaseOid, relations] of databases) {
        for (const [relfilenode, bits] of relations) {
          if (bits === 'scan') {
            yield { tablespaceOid, databaseOid, relfilenode, block: anyBlock };
            continue;
          }
          for (const [segment, file] of bits) {
            for (const page of pagesOf(file)) {
              yield { tablespaceOid, databaseOid, relfilenode, block: segment * segmentPages + page };
            }
          }
        }
      }
    }
  }

  #databaseOf(tablespaceOid: number, databaseOid: number): Relations {
    const tablespace = this.#relations.get(tablespaceOid) ?? new Map<number, Relations>();
    this.#relations.set(tablespaceOid, tablespace);
    const database = tablespace.get(databaseOid) ?? (new Map() as Relations);
    tablespace.set(databaseOid, database);
    return database;
  }

  #bitsOf(tablespaceOid: number, databaseOid: number, relfilenode: number): SegmentBits | 'scan' {
    const database = this.#databaseOf(tablespaceOid, databaseOid);
    let bits = database.get(relfilenode);
    if (bits === undefined) database.set(relfilenode, (bits = new Map()));
    return bits;
  }
}

function grown(old: Uint8Array | undefined, needed: number): Uint8Array {
  const larger = new Uint8Array(Math.min(segmentPages / 8, Math.max(needed, 8, 2 * (old?.length ?? 0))));
  if (old !== undefined) larger.set(old);
  return larger;
}

function* pagesOf(bits: Uint8Array): Generator<number> {
  for (const [byte, value] of bits.entries()) {
    if (value === 0) continue;
    for (let bit = 0; bit < 8; bit += 1) if ((value & (1 << bit)) !== 0) yield byte * 8 + bit;
  }
}
