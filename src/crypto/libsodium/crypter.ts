/** Encryption with one secret key by libsodium. How objects look is in `secret-stream.ts`, how keys are given in `key.ts`. */
import sodium from 'sodium-native';
import type { RawSettings } from '../../config/setting.ts';
import type { Crypter, ObjectKeys } from '../crypter.ts';
import { libsodiumKey } from './key.ts';
import { decryptSecretStream, encryptSecretStream, fewestObjectBytes, opensSecretStream } from './secret-stream.ts';

/**
 * The crypter with the key of the settings, which is read now.
 *
 * @throws ArchiverError (`config`) when there is none, or it isn't one
 */
export function openLibsodiumCrypter(raw: RawSettings): Crypter {
  const key = libsodiumKey(raw);
  const id = fingerprint(key);
  return {
    method: 'libsodium',
    encrypt: encryptSecretStream(key),
    decrypt: decryptSecretStream(key),
    report: () =>
      Promise.resolve({
        canEncrypt: true,
        canDecrypt: true,
        keys: [
          {
            id,
            algorithm: 'XChaCha20-Poly1305',
            users: [],
            created: undefined,
            expires: undefined,
            encrypts: true,
            decrypts: true,
            remark: undefined,
          },
        ],
      }),
    identify: (head) => Promise.resolve(keysOf(head, key, id)),
    opens: (head) => Promise.resolve(opensSecretStream(key, head)),
  };
}

/** Nothing in the format tells whose an object is, but the key opens its first chunk or does not. */
function keysOf(head: Uint8Array, key: Uint8Array, id: string): ObjectKeys {
  if (head.length < fewestObjectBytes) return { encrypted: false, recipients: [], ours: false };
  if (opensSecretStream(key, head)) return { encrypted: true, recipients: [id], ours: true };
  return { encrypted: undefined, recipients: [], ours: false };
}

/** 32 bits of a hash: enough to see that two keys differ, useless to find one. */
function fingerprint(key: Uint8Array): string {
  const hash = Buffer.alloc(32);
  sodium.crypto_generichash(hash, Buffer.concat([Buffer.from('walvault key id'), key]));
  return hash.toString('hex', 0, 4).toUpperCase();
}
