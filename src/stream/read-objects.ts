/** Reads objects one after another as one stream, each from its beginning again when it breaks off. */
import { crc32 } from 'node:zlib';
import type { ByteSource } from '../bytes/stage.ts';
import { ArchiverError, CorruptError, messageOf } from '../errors.ts';
import { readDecoded, type Transport } from '../pipeline/transport.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Key, StoredObject } from '../storage/storage.ts';

/** How objects are read. */
export interface ReadObjectsOptions {
  /** For each object, from 1; beside what the storage repeats by itself. */
  readonly attempts: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const pauseMs = 1000;

/** The decoded bytes of all of them. @throws CorruptError, the storage's errors */
export async function* readObjects(
  transport: Transport,
  objects: readonly Pick<StoredObject, 'key'>[],
  options: ReadObjectsOptions,
): ByteSource {
  for (const { key } of objects) yield* readObject(transport, key, options);
}

async function* readObject(
  transport: Transport,
  key: Key,
  { attempts, clock, logger, signal }: ReadObjectsOptions,
): ByteSource {
  let givenBytes = 0;
  let givenCrc = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      let readBytes = 0;
      let readCrc = 0;
      for await (const chunk of await readDecoded(transport, key, { signal })) {
        signal.throwIfAborted();
        const again = chunk.subarray(0, givenBytes - readBytes);
        if (again.length > 0) {
          readBytes += again.length;
          readCrc = crc32(again, readCrc);
          // What was damaged in the first reading has been given away: it does not become right by another reading.
          if (readBytes === givenBytes && readCrc !== givenCrc) throw differently(key);
          if (again.length === chunk.length) continue;
        }
        const fresh = chunk.subarray(again.length);
        readBytes += fresh.length;
        givenBytes = readBytes;
        if (attempts > 1) readCrc = givenCrc = crc32(fresh, givenCrc);
        yield fresh;
      }
      if (readBytes < givenBytes) throw new CorruptError(`object became shorter while it was read: "${key}"`);
      return;
    } catch (error) {
      // Whether bytes were lost on the way or are damaged where they lie cannot be told before they are read again.
      const mayPass = error instanceof ArchiverError && (error.kind === 'unavailable' || error.kind === 'corrupt');
      if (!mayPass || attempt >= attempts) throw error;
      logger.warn('reading an object broke off, reading it again', { key, attempt, error: messageOf(error) });
      await clock.sleep(pauseMs, signal);
    }
  }
}

function differently(key: Key): CorruptError {
  return new CorruptError(`object has other bytes when it is read again: "${key}"`, {
    hint: 'Some of those that were written so far may be wrong: throw them away, and fetch the backup again.',
  });
}
