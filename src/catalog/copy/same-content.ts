/** Whether two archives hold the same under a name. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { readDecoded, type Transport } from '../../pipeline/transport.ts';
import { ObjectNotFoundError, StorageForbiddenError } from '../../storage/errors.ts';
import type { Abortable, Key } from '../../storage/storage.ts';

/** What is compared of objects that are encoded in two ways: headers of tars and of WAL tell one from another. */
const beginningBytes = 64 * 1024;

/**
 * Whether an object of the target holds what the source begins with. It can only be of another content, never cut short:
 * storages write whole objects.
 *
 * @param decoded of the source; it is read no further than needed
 * @throws ArchiverError (`forbidden`) when the key of the target does not open it
 */
export async function beginsAlike(
  decoded: ByteSource,
  target: Transport,
  key: Key,
  options: Abortable,
): Promise<boolean> {
  const ours = await beginningOf(decoded);
  try {
    return ours.equals(await beginningOf(await readDecoded(target, key, options)));
  } catch (error) {
    if (error instanceof CorruptError || error instanceof ObjectNotFoundError) return false;
    const isWrongKey = error instanceof ArchiverError && error.kind === 'forbidden';
    if (!isWrongKey || error instanceof StorageForbiddenError) throw error;
    throw new ArchiverError(
      'forbidden',
      `the key of the target does not open "${key}", which it has: ${error.message}`,
      {
        cause: error,
        hint: 'If an earlier copy with another key wrote it, remove what that has written, and copy again.',
      },
    );
  }
}

async function beginningOf(source: ByteSource): Promise<Buffer> {
  const reader = new ByteReader(source);
  try {
    return Buffer.from(await reader.read(beginningBytes));
  } finally {
    await reader.close();
  }
}

/** Whether two streams have the same bytes. */
export async function haveSameBytes(a: ByteSource, b: ByteSource): Promise<boolean> {
  const other = new ByteReader(b);
  try {
    for await (const chunk of a) {
      if (Buffer.compare(await other.read(chunk.length), chunk) !== 0) return false;
    }
    return (await other.readSome(1)) === undefined;
  } finally {
    await other.close();
  }
}
