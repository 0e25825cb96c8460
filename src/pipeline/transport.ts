/** What carries objects: a storage, the codec to write with, and the crypter if a key is configured. */
import { compose, type ByteSource, type Stage } from '../bytes/stage.ts';
import type { Codec } from '../codecs/codec.ts';
import { codecForKey } from '../codecs/open.ts';
import type { Crypter } from '../crypto/crypter.ts';
import { CorruptError } from '../errors.ts';
import type { Abortable, Key, Storage } from '../storage/storage.ts';

/** Everything that is needed to store and read payload objects. */
export interface Transport {
  readonly storage: Storage;
  /** The name of the storage when it was chosen among several, so that others who work on the same use it, too. */
  readonly storageName?: string | undefined;
  /** For writing; reading goes by the suffix of the object. */
  readonly codec: Codec;
  readonly crypter: Crypter | undefined;
}

/** What a transport is opened for. */
export type TransportPurpose = 'read' | 'write';

/** Which of several storages is meant; of no matter when there is one. */
export interface StorageChoice {
  /** This one alone. */
  readonly target?: string | undefined;
  /** All that is written belongs together: to one storage. Default: each object may go to another one. */
  readonly wholly?: boolean | undefined;
}

/** `part_001.tar` → `part_001.tar.lz4`. */
export function storedKey(transport: Transport, logicalKey: Key): Key {
  const { extension } = transport.codec;
  return extension === '' ? logicalKey : `${logicalKey}.${extension}`;
}

/** Compression, then encryption: from plain bytes to those of the object. */
export function encoding(transport: Transport): Stage {
  const { codec, crypter } = transport;
  return crypter === undefined ? codec.compress : compose(codec.compress, crypter.encrypt);
}

/** Decryption, then decompression by the suffix of the key: from the bytes of the object to plain ones. */
export async function decoding(transport: Transport, key: Key): Promise<Stage> {
  const codec = await codecForKey(key);
  const { crypter } = transport;
  return crypter === undefined ? hinting(codec.decompress) : compose(crypter.decrypt, codec.decompress);
}

/** Without a key, an object that is damaged from its very beginning may be an encrypted one. */
function hinting(decompress: Stage): Stage {
  return async function* (source) {
    let begun = false;
    try {
      for await (const chunk of decompress(source)) {
        begun = true;
        yield chunk;
      }
    } catch (error) {
      if (begun || !(error instanceof CorruptError)) throw error;
      const hint =
        'No key is set. If the object is encrypted, set the key that reads it; key check tells of all of them.';
      throw new CorruptError(error.message, { cause: error, hint: error.hint ?? hint });
    }
  };
}

/** Opens an object and decodes it. @throws ObjectNotFoundError, CorruptError while reading */
export async function readDecoded(transport: Transport, key: Key, options?: Abortable): Promise<ByteSource> {
  const decode = await decoding(transport, key);
  return decode(await transport.storage.read(key, options));
}
