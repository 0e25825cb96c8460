/** Opens the payload of a stream backup: the bytes that were pushed, from one object or put together from several. */
import type { ByteSource } from '../bytes/stage.ts';
import { exactly } from '../bytes/exactly.ts';
import type { Transport } from '../pipeline/transport.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { findStream } from './find-stream.ts';
import { putTogether } from './put-together.ts';
import { readObjects } from './read-objects.ts';

/** How a stream is opened. */
export interface OpenStreamOptions {
  /** How often the reading of an object is begun, from 1 (`WALG_BACKUP_DOWNLOAD_MAX_RETRY`). */
  readonly attempts: number;
  /** What the sentinel says of its length; undefined: it does not tell. */
  readonly expectedBytes?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Opens the stream of a backup, to be read once. It ends only when all of it has been handed over; whatever is missing or
 * damaged ends it with an error instead, after the bytes before it.
 *
 * @throws ArchiverError (`missing`) when the backup has no such objects; CorruptError when they cannot be those of one
 *   stream; the storage's errors
 */
export async function openStream(transport: Transport, name: string, options: OpenStreamOptions): Promise<ByteSource> {
  const { parts, blockBytes } = await findStream(transport, name, options);
  const stream =
    blockBytes === undefined
      ? readObjects(transport, parts.flat(), options)
      : putTogether(
          parts.map((objects) => readObjects(transport, objects, options)),
          blockBytes,
        );
  const { expectedBytes } = options;
  return expectedBytes === undefined ? stream : exactly(expectedBytes, `stream of "${name}"`)(stream);
}
