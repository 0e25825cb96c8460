/**
 * Looks into a stream as it passes: where in the binlogs the backup stands, between which LSNs it lies, and whether it is
 * whole. What it cannot understand passes unseen.
 */
import type { Stage } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { infoFileOf, maxInfoBytes, parseInfoFiles, textOfInfoFile, type BackupInfo } from './backup-info.ts';
import { isDump, readDumpInfo } from './dump-header.ts';
import { XbstreamReader, xbstreamMagic } from './xbstream.ts';

/** What a stream is. */
export type StreamFormat = 'xbstream' | 'dump' | 'unknown';

/** What was seen in a whole stream. */
export interface StreamFindings extends BackupInfo {
  readonly format: StreamFormat;
  /** Texts of the small files of an xbstream, by their paths. */
  readonly infoTexts: ReadonlyMap<string, string>;
  /** Why the stream is not whole; undefined: nothing speaks against it. */
  readonly cut: string | undefined;
  /** What in it is newer than this program, so that it was not checked. */
  readonly notUnderstood: string | undefined;
}

/** How an inspection ends. */
export interface InspectionOptions {
  /** A stream that is cut off passes as well. Default: the stage throws at its end. */
  readonly allowCut?: boolean;
}

const headBytes = 256 * 1024;
const tailBytes = 64 * 1024;
const beginningBytes = 4096;

/** One inspection of one stream. */
export class StreamInspection {
  readonly #allowCut: boolean;
  readonly #head = Buffer.alloc(headBytes);
  #headLength = 0;
  readonly #tail = Buffer.alloc(tailBytes);
  #tailLength = 0;
  #reader: XbstreamReader | undefined;
  #mayBeDump: boolean | undefined;
  #lacksGtid: boolean | undefined;
  readonly #infoFiles = new Map<string, Buffer[]>();
  #hasData = false;
  #hasCheckpoints = false;

  constructor({ allowCut = false }: InspectionOptions = {}) {
    this.#allowCut = allowCut;
  }

  /**
   * Passes the bytes on.
   *
   * @throws CorruptError when an xbstream is damaged, or at its end when that is not the end of a backup
   */
  readonly stage: Stage = (source) => this.#pass(source);

  async *#pass(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      this.feed(chunk);
      yield chunk;
    }
    const cut = this.#cut();
    if (cut !== undefined && !this.#allowCut) {
      throw new CorruptError(`the backup is not whole: ${cut}`, {
        hint: 'The program that makes the backup failed, or was cut off: see what it says. Nothing was kept of it.',
      });
    }
  }

  /** Takes bytes without passing them on. @throws CorruptError when an xbstream is damaged */
  feed(chunk: Uint8Array): void {
    if (this.#reader !== undefined) {
      this.#reader.feed(chunk);
      return;
    }
    const begun = this.#headLength;
    const taken = chunk.subarray(0, headBytes - begun);
    this.#head.set(taken, begun);
    this.#headLength += taken.length;
    if (this.#mayBeDump === undefined && this.#isXbstream()) {
      this.#reader = this.#openReader();
      this.#reader.feed(this.#head.subarray(0, this.#headLength));
      this.#reader.feed(chunk.subarray(taken.length));
      return;
    }
    if (this.#headLength >= beginningBytes) this.#mayBeDump ??= this.#startsAsDump();
    if (this.#mayBeDump !== false) this.#keepTail(chunk);
  }

  /** Whether the rest of the stream may tell where in the binlogs the backup stands, or what it is at all. */
  get mayTellPosition(): boolean {
    if (this.#reader !== undefined) return this.#reader.notUnderstood === undefined;
    if (this.#mayBeDump === false) return false;
    if (this.#headLength < headBytes) return true;
    this.#lacksGtid ??= this.#isWithoutGtid();
    return this.#lacksGtid;
  }

  /** Coordinates are in the head or nowhere; what may come in the end is the GTID. */
  #isWithoutGtid(): boolean {
    const { position } = readDumpInfo(this.#headText(), '');
    return position !== undefined && position.gtid === undefined;
  }

  /** To be called when the stream has ended. */
  async findings(): Promise<StreamFindings> {
    if (this.#reader === undefined) return this.#findingsOfText();
    const infoTexts = new Map<string, string>();
    for (const [path, pieces] of this.#infoFiles) {
      const text = await textOfInfoFile(path, Buffer.concat(pieces));
      if (text !== undefined) infoTexts.set(path, text);
    }
    const { notUnderstood } = this.#reader;
    return { format: 'xbstream', ...parseInfoFiles(infoTexts), infoTexts, cut: this.#cut(), notUnderstood };
  }

  #findingsOfText(): StreamFindings {
    const isOfDump = this.#startsAsDump();
    const info = isOfDump
      ? readDumpInfo(this.#headText(), this.#tailText())
      : { serverVersion: undefined, position: undefined };
    return {
      format: isOfDump ? 'dump' : 'unknown',
      ...{ fromLsn: undefined, toLsn: undefined, uuid: undefined, infoTexts: new Map() },
      ...info,
      cut: this.#cut(),
      notUnderstood: undefined,
    };
  }

  #cut(): string | undefined {
    if (this.#reader === undefined) return undefined;
    const missing = this.#reader.missing();
    if (missing !== undefined || this.#reader.notUnderstood !== undefined) return missing;
    // The programs write it in the end; a stream of a few files that somebody packed has none.
    return this.#hasData && !this.#hasCheckpoints ? 'it has no xtrabackup_checkpoints' : undefined;
  }

  #isXbstream(): boolean {
    const { length } = xbstreamMagic;
    return this.#headLength >= length && this.#head.subarray(0, length).equals(xbstreamMagic);
  }

  #openReader(): XbstreamReader {
    return new XbstreamReader({
      payload: (path, bytes) => {
        const file = infoFileOf(path);
        // Also where it is encrypted, or compressed by programs to come.
        if (/^(?:xtrabackup|mariadb_backup)_checkpoints\b/.test(path)) this.#hasCheckpoints = true;
        if (file === undefined) {
          if (path.startsWith('ibdata')) this.#hasData = true;
          return;
        }
        const pieces = this.#infoFiles.get(path) ?? [];
        this.#infoFiles.set(path, pieces);
        const kept = pieces.reduce((sum, piece) => sum + piece.length, 0);
        if (kept + bytes.length <= maxInfoBytes) pieces.push(Buffer.from(bytes));
      },
    });
  }

  #startsAsDump(): boolean {
    return isDump(this.#head.toString('latin1', 0, Math.min(this.#headLength, beginningBytes)));
  }

  #keepTail(chunk: Uint8Array): void {
    if (chunk.length >= tailBytes) {
      this.#tail.set(chunk.subarray(chunk.length - tailBytes));
      this.#tailLength = tailBytes;
      return;
    }
    const kept = Math.min(this.#tailLength, tailBytes - chunk.length);
    this.#tail.copyWithin(0, this.#tailLength - kept, this.#tailLength);
    this.#tail.set(chunk, kept);
    this.#tailLength = kept + chunk.length;
  }

  #headText(): string {
    return this.#head.toString('utf8', 0, this.#headLength);
  }

  #tailText(): string {
    return this.#tail.toString('utf8', 0, this.#tailLength);
  }
}
