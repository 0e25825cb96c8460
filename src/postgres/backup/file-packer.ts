/** Makes tar members of files: whole, or as increments where they may be and that is shorter. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { TarContent, TarMember } from '../../archive/writer.ts';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import { headerOf } from '../cluster/member.ts';
import { createContentHasher } from '../in-place/content-hash.ts';
import { hashedContent } from '../in-place/hashed-content.ts';
import { incrementBytes } from '../pages/increment.ts';
import { scanByChanges, scanFile, type FileScan } from '../pages/file-scan.ts';
import { incrementContent, verifiedContent, type PageSource } from '../pages/page-content.ts';
import { segmentPages, type PageScanner } from '../pages/page-scan.ts';
import { isPagedFile, relationFileOf } from '../pages/relation-file.ts';
import { createPageScanner } from '../pages/scanner.ts';
import type { CorruptBlocks } from './files-metadata.ts';
import type { PackedEntry } from './plan-parts.ts';
import type { PushedPart, PushPartJob } from './push-part.ts';

/** Packs the files of one part. */
export interface FilePacker {
  /** The member of the next entry of the job; its header is settled when it is opened. */
  memberOf(entry: PackedEntry): TarMember;
  /** Memory for the chunks of the part, which are hashed where they are. */
  readonly chunk: Uint8Array | undefined;
  /** What was packed so far. */
  result(): Omit<PushedPart, 'key' | 'storedBytes'>;
}

type Content = Omit<TarContent, 'close'>;

interface PackedContent {
  readonly content: Content;
  /** Of the member. */
  readonly sizeBytes: number;
  readonly isWhole: boolean;
}

/** @param progress is told of bytes that were read without going into the part; negative for what goes in beyond that */
export function openFilePacker(
  context: WorkerContext,
  job: Pick<PushPartJob, 'dataDirectory' | 'entries' | 'owners' | 'pages'>,
  progress: (bytes: number) => void = () => undefined,
): FilePacker {
  const { dataDirectory, owners, pages } = job;
  const vanished: string[] = [];
  const incremented: string[] = [];
  const corrupt: (readonly [string, CorruptBlocks])[] = [];
  const hashes = new BigUint64Array(job.entries.length);
  const hasher = createContentHasher();
  let memberBytes = 0;
  let taken = 0;
  let scanner: PageScanner | undefined;

  function pageSourceOf(entry: PackedEntry, fd: number, damage: Damage): PageSource {
    scanner ??= createPageScanner();
    const firstBlock = (relationFileOf(entry.name)?.segment ?? 0) * segmentPages;
    const { verifiedBefore } = pages;
    const look = { since: verifiedBefore ?? 0n, firstBlock, withChecksums: verifiedBefore !== undefined };
    return verifiedBefore === undefined
      ? { fd, scanner, look }
      : { fd, scanner, look, onDamaged: (block, kind) => damage.add(block, kind) };
  }

  function scan(entry: PackedEntry, fd: number): FileScan {
    const { sizeBytes, change } = entry;
    if (change?.blocks !== undefined) return scanByChanges(sizeBytes, change.baseBytes ?? 0, change.blocks);
    scanner ??= createPageScanner();
    return scanFile(fd, scanner, {
      sizeBytes,
      since: pages.since ?? 0n,
      baseBytes: change?.baseBytes,
      onRead(bytes) {
        context.diskLimiter?.takeBlocking(bytes);
        context.progress(0);
      },
    });
  }

  function contentOf(entry: PackedEntry, fd: number, damage: Damage): PackedContent {
    if (entry.change !== undefined) {
      const found = scan(entry, fd);
      if (found.kind === 'increment') {
        incremented.push(entry.name);
        const sizeBytes = incrementBytes(found.blocks.length);
        progress(entry.sizeBytes - sizeBytes);
        return { content: incrementContent(pageSourceOf(entry, fd, damage), found), sizeBytes, isWhole: false };
      }
      if (found.invalidBlock !== undefined) {
        context.logger.info('a page has no valid header, as in unlogged relations: the file goes in whole', {
          file: entry.name,
          block: found.invalidBlock,
        });
      }
    }
    const isVerified = pages.verifiedBefore !== undefined && isPagedFile(entry.name, entry.sizeBytes);
    const content = isVerified
      ? verifiedContent(pageSourceOf(entry, fd, damage), entry.sizeBytes)
      : { read: (target: Uint8Array) => readSync(fd, target) };
    return { content, sizeBytes: entry.sizeBytes, isWhole: true };
  }

  return {
    memberOf(entry) {
      const index = taken;
      taken += 1;
      let header = headerOf(entry, owners);
      if (entry.sizeBytes === 0) return { header };
      return {
        get header() {
          return header;
        },
        open() {
          const path = dataDirectory + entry.name;
          const fd = openFile(path);
          if (fd === undefined) {
            vanished.push(entry.name);
            return undefined;
          }
          const damage = new Damage(pages.corruptBlocksKept);
          try {
            const { content, sizeBytes, isWhole } = contentOf(entry, fd, damage);
            header = { ...header, sizeBytes };
            memberBytes += sizeBytes;
            const packed = guarded(path, content, () => {
              closeSync(fd);
              damage.report(context, entry.name);
              if (damage.corruptBlocks !== undefined) corrupt.push([entry.name, damage.corruptBlocks]);
            });
            if (!isWhole || hasher === undefined) return packed;
            return hashedContent(packed, sizeBytes, hasher, (hash) => (hashes[index] = hash));
          } catch (error) {
            closeSync(fd);
            throw error instanceof ArchiverError ? error : readError(path, error);
          }
        },
      };
    },
    chunk: hasher?.chunk,
    result: () => ({ memberBytes, vanished, incremented, corrupt, hashes }),
  };
}

/** Damaged pages of one file. */
class Damage {
  readonly #kept: number;
  readonly #some: number[] = [];
  #corrupt = 0;
  #withoutHeader = 0;

  constructor(kept: number) {
    this.#kept = kept;
  }

  add(block: number, kind: 'checksum' | 'header'): void {
    if (kind === 'header') {
      this.#withoutHeader += 1;
      return;
    }
    this.#corrupt += 1;
    if (this.#some.length < this.#kept) this.#some.push(block);
  }

  get corruptBlocks(): CorruptBlocks | undefined {
    return this.#corrupt === 0 ? undefined : { count: this.#corrupt, some: this.#some };
  }

  report({ logger }: WorkerContext, file: string): void {
    if (this.#corrupt > 0) {
      logger.warn('pages have a wrong checksum: the file is damaged', {
        file,
        pages: this.#corrupt,
        blocks: this.#some.join(', '),
      });
    }
    if (this.#withoutHeader > 0) {
      logger.debug('pages without a valid header, as in unlogged relations, were not verified', {
        file,
        pages: this.#withoutHeader,
      });
    }
  }
}

function guarded(path: string, content: Content, close: () => void): TarContent {
  return {
    read(target) {
      try {
        return content.read(target);
      } catch (error) {
        throw readError(path, error);
      }
    },
    close,
  };
}

/** Undefined when there is no such file any more, or something else took its place. */
function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw readError(path, error);
  }
}

function readError(path: string, error: unknown): ArchiverError {
  const code = codeOf(error);
  const isDenied = code === 'EACCES' || code === 'EPERM';
  return new ArchiverError(isDenied ? 'forbidden' : 'corrupt', `cannot read "${path}": ${messageOf(error)}`, {
    cause: error,
    hint: isDenied
      ? 'Run the backup as the operating system user that owns the data directory (usually postgres).'
      : 'Look into the log of the kernel: the disk of the data directory may be failing.',
  });
}
