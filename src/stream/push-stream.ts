/**
 * Stores a stream of bytes as the payload of a backup, in one object or dealt out to several. What the bytes are a backup
 * of is not known here; the sentinel is the caller's, and comes last.
 */
import { rateLimited, type RateLimiter } from '../bytes/rate-limiter.ts';
import { compose, counted, fromBytes, type ByteSource } from '../bytes/stage.ts';
import { backupFolder, backupsFolder, sentinelKey } from '../catalog/layout.ts';
import { messageOf } from '../errors.ts';
import { pushObject, pushPlain, type PushOptions } from '../pipeline/push-object.ts';
import type { Transport } from '../pipeline/transport.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Key, Storage, StoredObject } from '../storage/storage.ts';
import { dealOut } from './deal-out.ts';
import { partKey, singleKey, streamMetadataKey, type StreamLayout } from './layout.ts';
import { formatStreamMetadata } from './stream-metadata.ts';
import { reservationKey } from './stream-name.ts';

/** What is to be stored, and how. */
export interface PushStreamOptions {
  /** Of the backup; taken by `takeStreamName`. */
  readonly name: string;
  /** Read once. An error of it leaves nothing stored. */
  readonly source: ByteSource;
  readonly layout: StreamLayout;
  /** Of the stream, before it is compressed. Default: none. */
  readonly diskLimiter?: RateLimiter | undefined;
  /** Told how many bytes have been read in all, for every chunk. */
  readonly onBytes?: ((rawBytes: number) => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What was stored. */
export interface PushedStream {
  /** Of the stream. */
  readonly rawBytes: number;
  /** Of the objects that hold it. */
  readonly storedBytes: number;
  /** Those and what describes them; for `completes` of the sentinel's write. */
  readonly objects: readonly StoredObject[];
}

/**
 * Stores the stream. When it rejects, what it has stored is removed again as far as that is possible.
 *
 * @throws what the source threw; the storage's errors: a stream cannot be read twice, so that no write is tried again
 */
export async function pushStream(transport: Transport, options: PushStreamOptions): Promise<PushedStream> {
  const { storage } = transport;
  const { name, logger, signal } = options;
  try {
    // Of killed pushes: they can be as big as a backup.
    await storage.removeLeftovers(backupsFolder, { signal });
  } catch (error) {
    signal.throwIfAborted();
    logger.warn('could not remove what killed runs have left half-written', { error: messageOf(error) });
  }
  try {
    return await store(transport, options);
  } catch (error) {
    await removeStream(storage, name, logger);
    throw error;
  }
}

/**
 * Removes what is stored of a backup that has no sentinel, after a failure. It never fails itself: what cannot be removed
 * is told and stays, invisible without a sentinel, until a deletion by age.
 */
export async function removeStream(storage: Storage, name: string, logger: Logger): Promise<void> {
  try {
    const keys: Key[] = [];
    for await (const entry of storage.list(backupFolder(name), { recursive: true })) {
      // As long as the name is taken, nobody else's objects can be among them.
      if (entry.kind === 'object' && entry.key !== reservationKey(name)) keys.push(entry.key);
    }
    if (keys.length === 0 || (await storage.stat(sentinelKey(name))) !== undefined) return;
    await storage.delete(keys);
    logger.info('removed what was stored of the unfinished backup', { backup: name, objects: keys.length });
  } catch (error) {
    logger.warn('could not remove what was stored of the unfinished backup', {
      backup: name,
      error: messageOf(error),
    });
  }
}

async function store(transport: Transport, options: PushStreamOptions): Promise<PushedStream> {
  const { name, layout, diskLimiter, onBytes, clock, logger, signal } = options;
  const objects: StoredObject[] = [];
  let rawBytes = 0;
  const counting = counted((bytes) => {
    rawBytes += bytes;
    onBytes?.(rawBytes);
  });
  const incoming = diskLimiter === undefined ? counting : compose(rateLimited(diskLimiter, signal), counting);
  const source = incoming(abortable(options.source, signal));
  const write: PushOptions = { attempts: 1, clock, logger, signal };

  const storeOne = async (key: Key, body: ByteSource): Promise<void> => {
    const pushed = await pushObject(transport, key, () => body, write);
    objects.push({ key: pushed.key, sizeBytes: pushed.storedBytes });
    logger.debug('object pushed', { key: pushed.key, storedBytes: pushed.storedBytes });
  };

  if (layout.kind === 'single') {
    await storeOne(singleKey(name), source);
  } else {
    await dealOut(source, { ...layout, store: (part, file, body) => storeOne(partKey(name, part, file), body) });
  }
  const storedBytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (layout.kind === 'split') {
    const key = streamMetadataKey(name);
    const text = Buffer.from(formatStreamMetadata(layout, transport.codec.extension));
    const sizeBytes = await pushPlain(transport.storage, key, () => fromBytes(text), { ...write, attempts: 5 });
    objects.push({ key, sizeBytes });
  }
  return { rawBytes, storedBytes, objects };
}

/** A codec may gather for long before its storage looks at the signal. */
async function* abortable(source: ByteSource, signal: AbortSignal): ByteSource {
  signal.throwIfAborted();
  for await (const chunk of source) {
    yield chunk;
    signal.throwIfAborted();
  }
  signal.throwIfAborted();
}
