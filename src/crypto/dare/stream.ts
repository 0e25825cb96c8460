/** Streams of DARE packages under one key, which must not be used for a second stream. */
import { randomBytes } from 'node:crypto';
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import {
  dareHeader,
  dareSequence,
  headerBytes,
  openPackage,
  parseDareHeader,
  payloadBytes,
  sameDareStream,
  sealPackage,
  tagBytes,
  type DareHeader,
} from './package.ts';

/** Packages that one nonce allows: 256 TiB. */
const mostPackages = 2 ** 32;

/** Encrypts a stream as DARE 2.0 by AES-256-GCM. An empty one becomes nothing at all, as the format has it. */
export function encryptDare(key: Uint8Array): Stage {
  return async function* (source) {
    const field = randomBytes(12);
    const output = Buffer.allocUnsafeSlow(headerBytes + payloadBytes + tagBytes);
    const unsealed = Buffer.allocUnsafeSlow(payloadBytes);
    let gathered = 0;
    let sequence = 0;
    const seal = (plain: Uint8Array, final: boolean): Uint8Array => {
      if (sequence >= mostPackages) throw new ArchiverError('unexpected', 'more than 256 TiB in one encrypted object');
      return sealPackage(key, dareHeader(field, plain.length, { final }), sequence++, plain, output);
    };
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length;) {
        // What comes now proves that the package before it isn't the last one.
        if (gathered === payloadBytes) {
          yield seal(unsealed, false);
          gathered = 0;
        }
        const left = chunk.length - at;
        if (gathered === 0 && left > payloadBytes) {
          yield seal(chunk.subarray(at, at + payloadBytes), false);
          at += payloadBytes;
          continue;
        }
        const piece = chunk.subarray(at, at + payloadBytes - gathered);
        unsealed.set(piece, gathered);
        gathered += piece.length;
        at += piece.length;
      }
    }
    if (gathered > 0) yield seal(unsealed.subarray(0, gathered), true);
  };
}

/**
 * Decrypts a stream of DARE 2.0 or 1.0. Every package is authenticated before it is handed on, and the last one of 2.0 only
 * when nothing follows it.
 *
 * Ends with CorruptError when the stream is empty, cut, changed or goes on after its end; version 1.0 can't tell a cut
 * between two packages.
 */
export function decryptDare(key: Uint8Array): Stage {
  return async function* (source) {
    const reader = new ByteReader(source);
    try {
      const first = await readHeader(reader);
      if (first === undefined) throw cutStream();
      yield* first.version === 2 ? readVersion2(reader, key, first) : readVersion1(reader, key, first);
    } finally {
      await reader.close();
    }
  };
}

async function* readVersion2(reader: ByteReader, key: Uint8Array, first: DareHeader): ByteSource {
  let header = first;
  for (let sequence = 0; ; sequence += 1) {
    if (sequence >= mostPackages || !sameDareStream(header, first)) throw mixedStream();
    if (!header.final && header.length < payloadBytes) throw new CorruptError('DARE package is too short');
    const plain = openPackage(key, header, sequence, await readBody(reader, header));
    if (header.final) {
      if ((await reader.read(1)).length > 0) throw new CorruptError('DARE stream goes on after its end');
      yield plain;
      return;
    }
    yield plain;
    const next = await readHeader(reader);
    if (next === undefined) throw cutStream();
    header = next;
  }
}

async function* readVersion1(reader: ByteReader, key: Uint8Array, first: DareHeader): ByteSource {
  let header: DareHeader | undefined = first;
  for (let sequence = 0; header !== undefined; sequence += 1) {
    const { version, cipher } = header;
    if (version !== 1 || cipher !== first.cipher || dareSequence(header) !== sequence) throw mixedStream();
    yield openPackage(key, header, sequence, await readBody(reader, header));
    header = await readHeader(reader);
  }
}

/** The next header; undefined where the stream ends. */
async function readHeader(reader: ByteReader): Promise<DareHeader | undefined> {
  const bytes = await reader.read(headerBytes);
  if (bytes.length === 0) return undefined;
  if (bytes.length < headerBytes) throw cutStream();
  const header = parseDareHeader(bytes);
  if (header === undefined) throw new CorruptError('not a DARE package');
  return header;
}

async function readBody(reader: ByteReader, { length }: DareHeader): Promise<Uint8Array> {
  const body = await reader.read(length + tagBytes);
  if (body.length < length + tagBytes) throw cutStream();
  return body;
}

function cutStream(): CorruptError {
  return new CorruptError('DARE stream is cut short');
}

function mixedStream(): CorruptError {
  return new CorruptError('DARE package does not belong where it stands');
}
