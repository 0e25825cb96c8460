/**
 * Looks at the pages of a relation's file: which are new, which changed since an LSN, which are damaged. Facts:
 * `postgres-storage.md` 10.2 and 11 of the specification.
 */
/** Bytes of a page, as servers are built by default. */
export const pageBytes = 8192;
/** Pages in a full segment file of a relation (1 GiB). */
export const segmentPages = 131_072;

/** Bits of what {@link PageScanner.scan} says of a page. 0: valid, and older than asked for. */
export const verdict = {
  /** Never filled. */
  isNew: 1,
  /** The header makes no sense: of another block size, damaged, or of an unlogged relation (LSN 0). */
  isInvalid: 2,
  /** Its LSN is the one asked for or later. */
  isChanged: 4,
  /** Valid, but its checksum is another than that of its bytes. */
  isCorrupt: 8,
} as const;

/** What to look for. */
export interface ScanRequest {
  /** Pages with this LSN or a later one have changed. */
  readonly since: bigint;
  /** Number of the first page in its relation, through all its segment files: 131,072 for the first page of `.1`. */
  readonly firstBlock: number;
  readonly withChecksums: boolean;
}

/** Judges pages that are put in its own memory. For one thread, one file at a time. */
export interface PageScanner {
  /** Where to read pages to; as many as the scanner was made for. */
  readonly bytes: Uint8Array;
  /**
   * Judges the first pages in `bytes`.
   *
   * @returns a byte of {@link verdict} bits for each; valid until the next call
   */
  scan(pages: number, request: ScanRequest): Uint8Array;
}
