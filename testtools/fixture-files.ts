/**
 * How files of WAL-G are kept in `test/fixtures`: as they are, or smaller under another name, from which the same bytes
 * are made again. Every reader checks objects against the SHA-256 that was taken where WAL-G wrote them.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import sodium from 'sodium-native';

/** `X.packed` is X compressed with brotli: what lz4 wrote shrinks to a half or a quarter. */
const packed = '.packed';
/** `X.opened` is X, a libsodium stream, as its header and its decrypted content, compressed with brotli. */
const opened = '.opened';

const headerBytes = 24;
const tagBytes = 17;
const chunkBytes = 8192;
const message = 0;
const final = 3;

/** Paths of the files below a folder, with '/', under the names that WAL-G gave them, in order. */
export function listKept(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .map((path) => [packed, opened].reduce((name, suffix) => withoutSuffix(name, suffix), path))
    .toSorted();
}

/**
 * The bytes of a file as WAL-G wrote them.
 *
 * @param key of libsodium, where the fixture has one
 * @returns undefined when it isn't kept
 */
export function readKept(path: string, key?: Buffer): Buffer | undefined {
  const found = suffixOf(path);
  if (found === undefined) return undefined;
  const bytes = readFileSync(path + found);
  if (found === '') return bytes;
  const content = brotliDecompressSync(bytes);
  if (found === packed) return content;
  if (key === undefined) throw new Error(`${path} needs the key of the fixture`);
  return seal(content.subarray(0, headerBytes), content.subarray(headerBytes), key);
}

/** Whether a file is kept, in whatever form. */
export function isKept(path: string): boolean {
  return suffixOf(path) !== undefined;
}

function suffixOf(path: string): string | undefined {
  return ['', packed, opened].find((suffix) => statSync(path + suffix, { throwIfNoEntry: false })?.isFile());
}

/** The smallest of the forms in which a file can be kept, and the suffix that its name then gets. */
export function smallestForm(bytes: Buffer, key?: Buffer): { readonly suffix: string; readonly bytes: Buffer } {
  const asBrotli = (content: Buffer, suffix: string): { suffix: string; bytes: Buffer } => ({
    suffix,
    bytes: brotliCompressSync(content, {
      params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
  });
  const best = key === undefined ? asBrotli(bytes, packed) : asBrotli(open(bytes, key), opened);
  return bytes.length > 4096 && best.bytes.length < bytes.length * 0.9 ? best : { suffix: '', bytes };
}

/** A libsodium stream of WAL-G's form from its header and content: the same header gives the same stream. */
function seal(header: Buffer, plain: Buffer, key: Buffer): Buffer {
  const state = stateOf(header, key);
  const chunks = [header];
  for (let at = 0; at <= plain.length; at += chunkBytes) {
    const chunk = plain.subarray(at, at + chunkBytes);
    const sealed = Buffer.alloc(chunk.length + tagBytes);
    const tag = chunk.length < chunkBytes ? final : message;
    sodium.crypto_secretstream_xchacha20poly1305_push(state, sealed, chunk, null, tag);
    chunks.push(sealed);
  }
  return Buffer.concat(chunks);
}

function open(stream: Buffer, key: Buffer): Buffer {
  const header = stream.subarray(0, headerBytes);
  const state = stateOf(header, key);
  const chunks = [header];
  for (let at = headerBytes; at < stream.length; at += chunkBytes + tagBytes) {
    const sealed = stream.subarray(at, at + chunkBytes + tagBytes);
    const plain = Buffer.alloc(sealed.length - tagBytes);
    sodium.crypto_secretstream_xchacha20poly1305_pull(state, plain, Buffer.alloc(1), sealed, null);
    chunks.push(plain);
  }
  return Buffer.concat(chunks);
}

/** libsodium's reader and writer start from the same state, but its writer would draw a header of its own. */
function stateOf(header: Buffer, key: Buffer): Buffer {
  const state = Buffer.alloc(sodium.crypto_secretstream_xchacha20poly1305_STATEBYTES);
  sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key);
  return state;
}

function withoutSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}
