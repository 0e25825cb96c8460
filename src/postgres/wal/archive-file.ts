/** Puts one file into the WAL archive, and never over another one's content (`docs/adr/0006-nothing-is-overwritten.md`). */
import { dirname } from 'node:path';
import { walKey } from '../../catalog/layout.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { findObject } from '../../pipeline/find-object.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import { encoding, readDecoded, storedKey, type Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError } from '../../storage/errors.ts';
import type { Key } from '../../storage/storage.ts';
import { findDataDirectory } from '../pgdata.ts';
import { segmentHeaderBytes } from '../wal-page.ts';
import { classifyWalFileName } from '../wal-segment.ts';
import { inspectWalFile, WalMismatchError, type WalCheck } from './inspect.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';

/** How files are archived. */
export interface ArchiveOptions {
  readonly transport: Transport;
  readonly check: WalCheck;
  readonly preventOverwrite: boolean;
  /** The server's, that is its data directory. */
  readonly cwd: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The archive has a file of this name with other content, or with content that cannot be known here. */
export class WalConflictError extends ArchiverError {
  constructor(path: string, key: string, location: string, compared: boolean) {
    const verdict = compared ? 'differs from' : 'cannot be compared, for want of a key or a permission, with';
    super('cannotWrite', `"${path}" ${verdict} what is archived as "${key}" in ${location}`, {
      hint:
        'Two clusters archive into one storage, or this one was made anew: give each cluster its own prefix. ' +
        'WALG_PREVENT_WAL_OVERWRITE=false replaces the archived segment.',
    });
  }
}

/**
 * Refuses, or warns of, a segment that does not fit its name and its cluster; warns of what is no WAL at all.
 *
 * @throws WalMismatchError
 */
function checkLocalFile(file: LocalFile, { check, cwd, logger }: ArchiveOptions): void {
  if (check === 'off') return;
  const { name, path, sizeBytes } = file;
  const head = new Uint8Array(Math.min(segmentHeaderBytes, sizeBytes));
  file.read(head, 0);
  const dataDirectory = findDataDirectory({ walFile: path, cwd });
  const verdict = inspectWalFile({ name, sizeBytes, head, walDirectory: dirname(path), dataDirectory }, logger);
  if (verdict.kind === 'fine') return;
  if (verdict.kind === 'mismatch' && check === 'strict') throw new WalMismatchError(name, verdict.reason);
  logger.warn('WAL file looks wrong, archiving it all the same', { path, reason: verdict.reason });
}

/**
 * Makes sure that the archive durably has this file. Safe to repeat, and to run in several processes at once.
 *
 * @returns false when it was there already, with the same content
 * @throws WalConflictError, WalMismatchError, the errors of storages
 */
export async function archiveFile(file: LocalFile, options: ArchiveOptions): Promise<boolean> {
  checkLocalFile(file, options);
  const { transport, preventOverwrite, signal, logger } = options;
  const { name, mode } = file;
  const key = walKey(name);
  const isHistory = classifyWalFileName(name) === 'history';
  const ifAbsent = preventOverwrite || isHistory;
  // Under other suffixes there is something only if the codec was changed: for each segment, that is not worth the requests.
  const looksAround = ifAbsent && (isHistory || transport.storage.isRemote !== true);
  const archived = looksAround ? await findObject(transport, key, { signal }) : undefined;
  // Of an object under the very name, the write below answers only when it is durable: its writer may have been killed.
  if (archived !== undefined && archived.key !== storedKey(transport, key)) {
    return compareArchived(file, archived.key, options);
  }
  try {
    const { rawBytes, storedBytes } = await pushObject(transport, key, () => file.content(), {
      ifAbsent,
      mode,
      signal,
      logger,
    });
    logger.debug('WAL file archived', { name, rawBytes, storedBytes });
    return true;
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    // Another process was quicker, or the storage's answer to our own first attempt was lost.
    return compareArchived(file, error.key, options);
  }
}

/**
 * Two objects of one name: equal content is fine.
 *
 * @returns whether the file was written again
 * @throws WalConflictError
 */
async function compareArchived(file: LocalFile, key: Key, options: ArchiveOptions): Promise<boolean> {
  const { transport, logger, signal } = options;
  const { name, mode } = file;
  const same = await isSame(file, key, options);
  if (same === true) {
    logger.debug('WAL file is archived already with equal content', { name });
    return false;
  }
  if (classifyWalFileName(name) === 'partial')
    return settlePartial(file, key, { ...options, isReadable: same === false });
  // A server that may not decrypt cannot compare; it must not get stuck after a crash, nor take a length for a proof.
  if (same === undefined && (await isAsLong(file, key, options))) {
    logger.warn('WAL file is archived already and cannot be compared without the private key; archived it again', {
      name,
    });
    await pushObject(transport, walKey(name), () => file.content(), { mode, signal, logger });
    return true;
  }
  throw new WalConflictError(file.path, key, transport.storage.location, same === false);
}

/**
 * Of a partial segment the one with more WAL is kept. A server that was promoted archives its own, whose WAL its new
 * timeline has again; it must not get stuck because of what `wal-receive` stored of the old one.
 */
async function settlePartial(
  file: LocalFile,
  key: Key,
  options: ArchiveOptions & { readonly isReadable: boolean },
): Promise<boolean> {
  const { transport, signal, logger, isReadable } = options;
  const { name, mode } = file;
  const { comparePartial } = await import('./compare-partial.ts');
  const archived = isReadable ? await comparePartial(file, await readDecoded(transport, key, { signal })) : 'other';
  if (archived === 'less') {
    await pushObject(transport, walKey(name), () => file.content(), { mode, signal, logger });
    return true;
  }
  if (archived === 'other') logger.warn('another partial segment is archived already, which is kept', { name });
  return false;
}

/** How much the wrapped session keys of one message differ in length: numbers are stored without leading zeros. */
const wrappedKeyVariation = 8;

/** Never where nothing is compressed: all segments have one length then, which tells nothing. */
async function isAsLong(file: LocalFile, key: Key, { transport, signal }: ArchiveOptions): Promise<boolean> {
  if (transport.codec.name === 'none') return false;
  const archived = await transport.storage.stat(key, { signal });
  let bytes = 0;
  for await (const chunk of encoding(transport)(file.content())) bytes += chunk.length;
  return archived !== undefined && Math.abs(archived.sizeBytes - bytes) <= wrappedKeyVariation;
}

/** @returns undefined when there is no permission, or no key, to read the archived object */
async function isSame(file: LocalFile, key: Key, { transport, signal }: ArchiveOptions): Promise<boolean | undefined> {
  let position = 0;
  let buffer = Buffer.alloc(0);
  try {
    for await (const chunk of await readDecoded(transport, key, { signal })) {
      if (buffer.length < chunk.length) buffer = Buffer.allocUnsafeSlow(chunk.length);
      const own = buffer.subarray(0, chunk.length);
      if (file.read(own, position) !== chunk.length || own.compare(chunk) !== 0) return false;
      position += chunk.length;
    }
  } catch (cause) {
    if (cause instanceof ArchiverError && cause.kind === 'forbidden') return undefined;
    if (!(cause instanceof CorruptError)) throw cause;
    throw new CorruptError(`archived file "${key}" is damaged: ${cause.message}`, {
      cause,
      hint: `Move the object away from ${transport.storage.location}; the next wal-push then archives the file again.`,
    });
  }
  return position === file.sizeBytes;
}
