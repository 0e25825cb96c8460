/** Objects as the tools give them: as they are stored, decrypted, decompressed. */
import type { ByteSource } from '../../bytes/stage.ts';
import { codecForKey, withoutExtension } from '../../codecs/open.ts';
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key } from '../../storage/storage.ts';

/** What is to be undone. */
export interface Decoding {
  readonly decrypt: boolean;
  readonly decompress: boolean;
}

/** JSON is stored in clear, whatever the keys. */
export function isPlain(key: Key): boolean {
  return key.endsWith('.json');
}

/**
 * Opens an object. Decrypting needs a key only where it is demanded, since many archives have none.
 *
 * @throws ObjectNotFoundError; CorruptError while it is read
 */
export async function openObject(
  { storage, crypter }: Transport,
  key: Key,
  { decrypt, decompress, signal }: Decoding & { readonly signal: AbortSignal },
): Promise<ByteSource> {
  const codec = await codecForKey(key);
  const stored = await storage.read(key, { signal });
  const decrypted = decrypt && crypter !== undefined && !isPlain(key) ? crypter.decrypt(stored) : stored;
  return decompress ? codec.decompress(decrypted) : decrypted;
}

/** @throws ArchiverError (`config`) when something is to be decrypted without a key */
export function requireKey({ crypter }: Transport): void {
  if (crypter !== undefined) return;
  throw new ArchiverError('config', '--decrypt is given, and no key is set', {
    hint: 'Set the key of the archive, or leave --decrypt out.',
  });
}

/** The name of what comes out of an object, and a warning where nothing can be decompressed. */
export function decodedName(key: Key, { decompress }: Decoding, logger: Logger): Key {
  if (!decompress || isPlain(key)) return key;
  const name = withoutExtension(key);
  if (name === key) logger.warn('no suffix of a known compression method: not decompressed', { key });
  return name;
}
