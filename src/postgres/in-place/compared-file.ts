/** Files of a restore in place: what comes is compared with what is there, and only what differs is written. */
import { constants, fchmodSync, fstatSync, ftruncateSync } from 'node:fs';
import type { TarSink } from '../../archive/reader.ts';
import { codeOf } from '../../errors.ts';
import { readAll, writeAllAt } from '../../platform/files.ts';
import type { Flusher } from '../backup/flusher.ts';
import { openLocalFile } from '../backup/local-file.ts';
import type { MemberPath } from '../backup/member-path.ts';
import { pageBytes } from '../pages/page-scan.ts';
import type { PagedFile } from '../restore/page-sink.ts';

/** How a file is opened. */
export interface ComparedFileOptions {
  /** To make it with, or to give it. */
  readonly mode: number | undefined;
  readonly flusher: Flusher | undefined;
}

const { O_RDWR, O_CREAT } = constants;
/** Read and compared in one go; stays in the second-level cache. */
const comparedBytes = 256 << 10;
const scratch = Buffer.allocUnsafeSlow(comparedBytes);

/** Takes a whole file; one that is there already becomes the same. Throws as `openRestoreTarget` says. */
export function openComparedSink(local: string, path: MemberPath, options: ComparedFileOptions): TarSink {
  const { mode, flusher } = options;
  const file = openLocalFile(local, path, { flags: O_RDWR | O_CREAT, flusher });
  const bytesBefore = file.attempt((fd) => fstatSync(fd).size);
  let position = 0;
  return {
    write(chunk) {
      file.wrote(file.attempt((fd) => writeDifferences(fd, chunk, { position, bytesBefore })));
      position += chunk.length;
    },
    end() {
      file.attempt((fd) => {
        if (bytesBefore > position) ftruncateSync(fd, position);
      });
      file.end(mode);
    },
    abort: file.abort,
  };
}

/** Takes pages of a file. Throws as `openRestoreTarget` says. */
export function openComparedPages(local: string, path: MemberPath, options: ComparedFileOptions): PagedFile {
  const { mode, flusher } = options;
  const file = openLocalFile(local, path, { flags: mode === undefined ? O_RDWR : O_RDWR | O_CREAT, flusher });
  const sizeBytes = () => file.attempt((fd) => fstatSync(fd).size);
  const resize = (bytes: number) => {
    file.attempt((fd) => {
      if (fstatSync(fd).size !== bytes) ftruncateSync(fd, bytes);
    });
  };
  if (mode !== undefined) {
    file.attempt((fd) => {
      fchmodSync(fd, mode & 0o777);
    });
  }
  return {
    sizeBytes,
    resize,
    // What is there may be right, and each page comes from some backup of the chain.
    begin: resize,
    writeAt(piece, position) {
      const written = file.attempt((fd) =>
        writeDifferences(fd, piece, { position, bytesBefore: position + piece.length }),
      );
      file.wrote(written);
    },
    end() {
      file.end(undefined);
    },
    abort: file.abort,
  };
}

/** @returns how many bytes were written */
function writeDifferences(
  fd: number,
  bytes: Uint8Array,
  { position, bytesBefore }: { readonly position: number; readonly bytesBefore: number },
): number {
  let written = 0;
  for (let at = 0; at < bytes.length; at += comparedBytes) {
    const piece = bytes.subarray(at, at + comparedBytes);
    const known = Math.max(0, Math.min(piece.length, bytesBefore - position - at));
    const present = scratch.subarray(0, known === 0 ? 0 : readKnown(fd, known, position + at));
    if (present.length === piece.length && present.equals(piece)) continue;
    written += writePages(fd, piece, present, position + at);
  }
  return written;
}

/** A disk that cannot be read may still take what is written. */
function readKnown(fd: number, length: number, position: number): number {
  try {
    return readAll(fd, scratch.subarray(0, length), position);
  } catch (error) {
    if (codeOf(error) !== 'EIO') throw error;
    return 0;
  }
}

/** Neighbouring pages that differ go together. */
function writePages(fd: number, piece: Uint8Array, present: Buffer, position: number): number {
  let written = 0;
  let from = 0;
  for (let at = 0; at < piece.length; at += pageBytes) {
    const end = Math.min(at + pageBytes, piece.length);
    const isSame = end <= present.length && present.compare(piece, at, end, at, end) === 0;
    if (!isSame && end < piece.length) continue;
    const until = isSame ? at : end;
    if (until > from) {
      writeAllAt(fd, piece.subarray(from, until), position + from);
      written += until - from;
    }
    from = end;
  }
  return written;
}
