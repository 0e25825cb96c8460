/** Objects as local files: written whole or not at all, and never in the place of something by accident. */
import { closeSync, createReadStream, openSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import { removeQuietly, writeAll } from '../../platform/files.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Key } from '../../storage/storage.ts';

/** How a file is written. */
export interface LocalFileOptions {
  /** Take the place of a file or link that is there; a device or a named pipe is written to. */
  readonly replace: boolean;
  readonly signal: AbortSignal;
}

const mode = 0o640;
const readBytes = 1 << 20;

/** Where an object goes: into the folder `path` under its own name, if there is such a folder, else to `path`. */
export function localPathFor(path: string, name: Key): string {
  if (!isFolder(path)) return path;
  const own = baseNameOf(name);
  // Names are other people's: they must not lead elsewhere.
  if (own === '' || own === '.' || own === '..' || own.includes('\0')) {
    throw new ArchiverError('usage', `cannot be the name of a file: ${JSON.stringify(own)}`, {
      hint: 'Say under which name the file is to be written.',
    });
  }
  return join(path, own);
}

/** Whether there is such a folder. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * Writes a file of mode 0640; when it fails, nothing of it stays. Returns its size.
 *
 * @throws ArchiverError (kind `cannotWrite`) when it exists or cannot be written; the errors of the source
 */
export async function writeLocalFile(
  path: string,
  bytes: ByteSource,
  { replace, signal }: LocalFileOptions,
): Promise<number> {
  if (replace && isFolder(path)) throw new ArchiverError('cannotWrite', `it is a folder: "${path}"`);
  if (replace && isSpecial(path)) return writeInto(path, bytes, signal);
  const written = replace ? join(dirname(path), `.${basename(path)}.${process.pid}.tmp`) : path;
  const descriptor = local(path, () => openSync(written, 'wx', mode));
  let sizeBytes = 0;
  try {
    try {
      for await (const chunk of bytes) {
        signal.throwIfAborted();
        local(path, () => {
          writeAll(descriptor, chunk);
        });
        sizeBytes += chunk.length;
      }
    } finally {
      closeSync(descriptor);
    }
    if (replace) {
      local(path, () => {
        renameSync(written, path);
      });
    }
    return sizeBytes;
  } catch (error) {
    removeQuietly(written);
    throw error;
  }
}

/** A file must not take the place of `/dev/null`, nor of `/dev/stdout`, even where that leads to a file. */
function isSpecial(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return true;
  return [path, linkTarget(path)].some((one) => /^\/(?:dev\/(?!shm\/)|proc\/)/.test(one));
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

async function writeInto(path: string, bytes: ByteSource, signal: AbortSignal): Promise<number> {
  const descriptor = local(path, () => openSync(path, 'w'));
  let sizeBytes = 0;
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      local(path, () => {
        writeAll(descriptor, chunk);
      });
      sizeBytes += chunk.length;
    }
    return sizeBytes;
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of a local file. @throws ArchiverError (kind `missing`) when there is none, or it cannot be read */
export async function* readLocalFile(path: string): ByteSource {
  try {
    yield* createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new ArchiverError('missing', `cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
}

function local<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new ArchiverError('cannotWrite', `file exists already: "${path}"`, {
        cause: error,
        hint: 'Nothing was overwritten. Name another file, or say --force.',
      });
    }
    throw new ArchiverError('cannotWrite', `cannot write "${path}": ${messageOf(error)}`, { cause: error });
  }
}
