/**
 * Writes OpenPGP messages: the wrapped session keys, then one packet that is encrypted and carries a SHA-1 of its
 * content (SEIPD version 1, RFC 9580, 5.13.1), and in it one literal packet. No compression: what comes is compressed.
 *
 * Everything happens in one buffer, in place. Both packets are written in parts of 64 KiB; since the inner one's lengths
 * shift the ciphertext against the outer one's, up to 511 bytes of it wait for the next part.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ByteSource, Stage } from '../../../bytes/stage.ts';
import type { KeyRing, SessionKey } from '../key-ring.ts';
import { CfbStream } from './cfb.ts';
import { headerOctets, lengthOctets, minPartBytes, partOctet } from './packet.ts';
import { blockBytes, openWorkspace, type Workspace } from './workspace.ts';

const partBytes = 64 << 10;
const digestBytes = 20;
/** Longest header without its tag. */
const maxLengthOctets = 5;
/** Plaintext stands here, after room for ciphertext that waits and for a header. */
const plainAt = Math.ceil((minPartBytes + maxLengthOctets) / blockBytes) * blockBytes;
/** Version of the protected packet, the first byte of its body. */
const version = 1;
/** Format `b` (binary), no name, no date. */
const literalStart = Uint8Array.of(0x62, 0, 0, 0, 0, 0);
/** A block of noise and its last two bytes again, then the tag of the literal packet. */
const prefixBytes = blockBytes + 2 + 1;
const workBytes = plainAt + prefixBytes + maxLengthOctets + partBytes + 2 + digestBytes;

/** Encrypts a stream for all keys of the ring, readable by gpg, openpgp.js and WAL-G, in constant memory. */
export function encryptMessage(ring: KeyRing): Stage {
  return async function* (source) {
    const { session, packets } = await ring.newSession();
    let start: Uint8Array | undefined = Buffer.concat([packets, Uint8Array.of(headerOctets.protected)]);
    const workspace = openWorkspace(workBytes);
    try {
      for await (const piece of protectedBody(source, session, workspace)) {
        // Not sooner: whoever stops reading here ends a source that was begun.
        if (start !== undefined) yield start;
        start = undefined;
        yield piece;
      }
    } finally {
      workspace.release();
    }
  };
}

async function* protectedBody(source: ByteSource, session: SessionKey, workspace: Workspace): ByteSource {
  const work = workspace.bytes;
  const cipher = new CfbStream(session, 'encrypt', workspace);
  const hash = createHash('sha1');
  /** Ciphertext right before `plainAt`. */
  let waitingBytes = 1;
  work[plainAt - waitingBytes] = version;
  /** Plaintext from `plainAt` on that isn't encrypted yet, and how much of it is in the hash. */
  let restBytes = startPlain(work);
  let hashedBytes = 0;
  /** Of the part of the literal packet, behind the rest and one octet of length. */
  let filledBytes = 0;

  const add = (bytes: Uint8Array): void => {
    work.set(bytes, plainAt + restBytes + 1 + filledBytes);
    filledBytes += bytes.length;
  };
  const hashUpTo = (plainBytes: number): void => {
    hash.update(work.subarray(plainAt + hashedBytes, plainAt + plainBytes));
    hashedBytes = plainBytes;
  };

  /** Encrypts the whole blocks of a full part, and hands on what makes whole parts of the protected packet. */
  function* flush(): Generator<Uint8Array> {
    work[plainAt + restBytes] = partOctet(partBytes);
    const plainBytes = restBytes + 1 + partBytes;
    hashUpTo(plainBytes);
    const end = plainAt + plainBytes - (plainBytes % blockBytes);
    cipher.apply(plainAt, end);
    let start = plainAt - waitingBytes;
    while (end - start >= minPartBytes) {
      const bytes = end - start >= partBytes ? partBytes : minPartBytes;
      work[start - 1] = partOctet(bytes);
      yield work.subarray(start - 1, start + bytes);
      start += bytes;
    }
    waitingBytes = end - start;
    restBytes = plainBytes % blockBytes;
    work.copyWithin(plainAt - waitingBytes, start, end + restBytes);
    hashedBytes = restBytes;
    filledBytes = 0;
  }

  add(literalStart);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      if (filledBytes === partBytes) yield* flush();
      const piece = chunk.subarray(at, at + partBytes - filledBytes);
      add(piece);
      at += piece.length;
    }
  }

  const lengthOfLast = lengthOctets(filledBytes);
  const dataAt = plainAt + restBytes + lengthOfLast.length;
  work.copyWithin(dataAt, plainAt + restBytes + 1, plainAt + restBytes + 1 + filledBytes);
  work.set(lengthOfLast, plainAt + restBytes);
  const dataEnd = dataAt + filledBytes;
  work.set([headerOctets.modificationDetection, digestBytes], dataEnd);
  hashUpTo(dataEnd + 2 - plainAt);
  work.set(hash.digest(), dataEnd + 2);
  const end = dataEnd + 2 + digestBytes;
  cipher.apply(plainAt, end);
  const lengthOfAll = lengthOctets(end - plainAt + waitingBytes);
  const start = plainAt - waitingBytes - lengthOfAll.length;
  work.set(lengthOfAll, start);
  yield work.subarray(start, end);
}

/** What precedes the literal packet's length. @returns its length */
function startPlain(work: Uint8Array): number {
  const noise = randomBytes(blockBytes);
  work.set(noise, plainAt);
  work.set(noise.subarray(blockBytes - 2), plainAt + blockBytes);
  work[plainAt + blockBytes + 2] = headerOctets.literal;
  return prefixBytes;
}
