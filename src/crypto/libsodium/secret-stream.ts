/**
 * Streams of `crypto_secretstream_xchacha20poly1305` as WAL-G cuts them (`compression-crypto.md` 5 of the specification):
 * 24 bytes of header, full chunks with the tag MESSAGE, and a shorter one, possibly empty, with the tag FINAL.
 */
import sodium from 'sodium-native';
import { ByteReader } from '../../bytes/reader.ts';
import type { Stage } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';

const headerBytes = 24;
const plainBytes = 8192;
const overheadBytes = 17;
/** A full chunk in the object. */
const sealedBytes = plainBytes + overheadBytes;
/** Chunks that are handed on together: what they take stays in the cache. */
const batch = 16;

const message = 0;
const final = 3;

/** Bytes of the shortest object: a header and an empty last chunk. */
export const fewestObjectBytes = headerBytes + overheadBytes;

/** Encrypts a stream under a fresh header; `bytes` become `24 + bytes + 17 × (⌊bytes / 8192⌋ + 1)`. */
export function encryptSecretStream(key: Uint8Array): Stage {
  return async function* (source) {
    const state = newState();
    const output = Buffer.allocUnsafeSlow(headerBytes + batch * sealedBytes);
    const unsealed = Buffer.allocUnsafeSlow(plainBytes);
    let gathered = 0;
    let begin = 0;
    let end = headerBytes;
    const seal = (plain: Uint8Array, tag: number): void => {
      const sealed = output.subarray(end, end + plain.length + overheadBytes);
      sodium.crypto_secretstream_xchacha20poly1305_push(state, sealed, plain, null, tag);
      end += sealed.length;
    };
    try {
      sodium.crypto_secretstream_xchacha20poly1305_init_push(state, output.subarray(0, headerBytes), key);
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length;) {
          const piece = chunk.subarray(at, at + plainBytes - gathered);
          at += piece.length;
          if (piece.length === plainBytes) {
            seal(piece, message);
          } else {
            unsealed.set(piece, gathered);
            gathered += piece.length;
            if (gathered < plainBytes) continue;
            seal(unsealed, message);
            gathered = 0;
          }
          if (end < output.length) continue;
          yield output.subarray(begin, end);
          begin = end = headerBytes;
        }
      }
      seal(unsealed.subarray(0, gathered), final);
      yield output.subarray(begin, end);
    } finally {
      sodium.sodium_memzero(state);
    }
  };
}

/**
 * Decrypts a stream. Every chunk is authenticated before it is handed on, and the last one only when nothing follows it.
 *
 * Ends with CorruptError when the stream is cut, also between two chunks, or changed, or goes on after its end; with an
 * ArchiverError (`forbidden`) when already its first chunk doesn't open.
 */
export function decryptSecretStream(key: Uint8Array): Stage {
  return async function* (source) {
    const reader = new ByteReader(source);
    const state = newState();
    try {
      const header = await reader.read(headerBytes);
      if (header.length < headerBytes) throw cutStream();
      sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key);
      const output = Buffer.allocUnsafeSlow(batch * plainBytes);
      let end = 0;
      for (let count = 0; ; count += 1) {
        const sealed = reader.take(sealedBytes) ?? (await reader.read(sealedBytes));
        if (sealed.length < overheadBytes) throw cutStream();
        const plain = output.subarray(end, end + sealed.length - overheadBytes);
        const found = pull(state, plain, sealed);
        if (found === undefined) throw count === 0 ? closedStream() : changedStream(sealed.length);
        end += plain.length;
        if (found === final) {
          if ((await reader.read(1)).length > 0) throw new CorruptError('libsodium stream goes on after its end');
          break;
        }
        if (sealed.length < sealedBytes) throw cutStream();
        if (end < output.length) continue;
        yield output;
        end = 0;
      }
      if (end > 0) yield output.subarray(0, end);
    } finally {
      sodium.sodium_memzero(state);
      await reader.close();
    }
  };
}

/** Whether a key opens the first chunk of an object. @param head at least the first 8233 bytes, or all there are */
export function opensSecretStream(key: Uint8Array, head: Uint8Array): boolean {
  if (head.length < fewestObjectBytes) return false;
  const state = newState();
  try {
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, head.subarray(0, headerBytes), key);
    const sealed = head.subarray(headerBytes, headerBytes + sealedBytes);
    return pull(state, Buffer.allocUnsafeSlow(sealed.length - overheadBytes), sealed) !== undefined;
  } finally {
    sodium.sodium_memzero(state);
  }
}

function newState(): Uint8Array {
  return Buffer.allocUnsafeSlow(sodium.crypto_secretstream_xchacha20poly1305_STATEBYTES);
}

const tag = new Uint8Array(1);

/** Opens one chunk. @returns its tag; undefined when it isn't authentic */
function pull(state: Uint8Array, plain: Uint8Array, sealed: Uint8Array): number | undefined {
  try {
    sodium.crypto_secretstream_xchacha20poly1305_pull(state, plain, tag, sealed, null);
  } catch {
    return undefined;
  }
  return tag[0];
}

function closedStream(): ArchiverError {
  return new ArchiverError('forbidden', 'the libsodium key does not open this object', {
    hint: 'It was encrypted with another key, or not with libsodium, or its first 8 KiB are damaged; compare the key with the one it was stored with.',
  });
}

function changedStream(length: number): CorruptError {
  // The last chunk is shorter than the others: where it fails, the object may as well be cut.
  const what = length < sealedBytes ? 'damaged or cut short in its last chunk' : 'damaged';
  return new CorruptError(`libsodium stream is ${what}`);
}

function cutStream(): CorruptError {
  return new CorruptError('libsodium stream is cut short');
}
