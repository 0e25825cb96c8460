/**
 * Encryption with data keys from AWS KMS: 184 bytes that only KMS can decrypt to the data key of this object, then a DARE
 * stream under that key (`compression-crypto.md` 6 of the specification). Tested against a stand-in only, never against the
 * real service.
 */
import { randomBytes } from 'node:crypto';
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import type { RawSettings } from '../../config/setting.ts';
import { CorruptError } from '../../errors.ts';
import type { Crypter, ObjectKeys } from '../crypter.ts';
import { keyBytes, parseDareHeader } from '../dare/package.ts';
import { decryptDare, encryptDare } from '../dare/stream.ts';
import { awsDataKeys, blobBytes, type DataKeys, type KmsPatience } from './kms.ts';

/**
 * The data key of an empty object, which has no package that could prove its end: KMS vouches that the writer meant it, so
 * that no object cut after its data key passes for an empty one. Encrypts nothing.
 */
const keyOfNothing = Buffer.from('walvault: this object is empty\n\n');

/**
 * The crypter with the key of the settings. KMS is called once per object.
 *
 * @param patience for tests
 * @throws ArchiverError (`config`) when a setting is missing or makes no sense
 */
export function openAwsKmsCrypter(raw: RawSettings, patience?: KmsPatience): Crypter {
  const keys = awsDataKeys(raw, patience);
  return {
    method: 'aws-kms',
    encrypt: encryptWith(keys),
    decrypt: decryptWith(keys),
    report: () =>
      Promise.resolve({
        canEncrypt: true,
        canDecrypt: true,
        keys: [
          {
            id: keys.keyId,
            algorithm: 'AWS KMS, AES-256-GCM',
            users: [],
            created: undefined,
            expires: undefined,
            encrypts: true,
            decrypts: true,
            remark: 'what AWS permits is known when it is tried',
          },
        ],
      }),
    identify: (head) => Promise.resolve(keysOf(head)),
  };
}

function encryptWith(keys: DataKeys): Stage {
  return async function* (source) {
    const reader = new ByteReader(source);
    try {
      const first = await reader.readSome(Number.MAX_SAFE_INTEGER);
      const dataKey = first === undefined ? keyOfNothing : randomBytes(keyBytes);
      yield await keys.wrap(dataKey);
      if (first !== undefined) yield* encryptDare(dataKey)(rest(reader, first));
    } finally {
      await reader.close();
    }
  };
}

function decryptWith(keys: DataKeys): Stage {
  return async function* (source) {
    const reader = new ByteReader(source);
    try {
      const blob = await reader.read(blobBytes);
      if (blob.length < blobBytes) throw new CorruptError('object is cut short in its data key');
      const dataKey = await keys.unwrap(Buffer.from(blob));
      if (!keyOfNothing.equals(dataKey)) yield* decryptDare(dataKey)(rest(reader));
      else if ((await reader.read(1)).length > 0) throw new CorruptError('object goes on after its end');
    } finally {
      await reader.close();
    }
  };
}

/** What comes after the bytes that were read: `first`, if it was read ahead, and all that follows. */
async function* rest(reader: ByteReader, first?: Uint8Array): ByteSource {
  let chunk = first ?? (await reader.readSome(Number.MAX_SAFE_INTEGER));
  while (chunk !== undefined) {
    yield chunk;
    chunk = await reader.readSome(Number.MAX_SAFE_INTEGER);
  }
}

/** Which key wrapped the data key is known to KMS alone. */
function keysOf(head: Uint8Array): ObjectKeys {
  const isDare = parseDareHeader(head.subarray(blobBytes)) !== undefined;
  const encrypted = isDare ? true : head.length === blobBytes ? undefined : false;
  return { encrypted, recipients: [], ours: encrypted === false ? false : undefined };
}
