/** The body of a packet that is encrypted and carries a SHA-1 of its content (SEIPD version 1, RFC 9580, 5.13.1). */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../../../bytes/stage.ts';
import { CorruptError } from '../../../errors.ts';
import type { SessionKey } from '../key-ring.ts';
import { CfbStream } from './cfb.ts';
import { cutShort, headerOctets, type PacketBody } from './packet.ts';
import { blockBytes, openWorkspace } from './workspace.ts';

const digestBytes = 20;
const trailerBytes = 2 + digestBytes;
/** A block of noise and its last two bytes again. */
const prefixBytes = blockBytes + 2;
const pieceBytes = 64 << 10;
/** Held back until the content is verified: the trailer, and some of what it is about. */
const heldBytes = 64;
/** Ciphertext is read to here, after room for what is held back. */
const workAt = heldBytes;

/**
 * Decrypts the body behind its version octet and yields the packets in it.
 *
 * The last bytes are yielded only once the digest is verified and `ended` has found that nothing follows.
 *
 * @throws CorruptError when it is cut, was changed, or the session key is another one's
 */
export async function* protectedContents(
  body: PacketBody,
  session: SessionKey,
  ended: () => Promise<void>,
): ByteSource {
  const workspace = openWorkspace(workAt + pieceBytes);
  try {
    yield* verified(body, new CfbStream(session, 'decrypt', workspace), workspace.bytes, ended);
  } finally {
    workspace.release();
  }
}

async function* verified(
  body: PacketBody,
  cipher: CfbStream,
  work: Uint8Array,
  ended: () => Promise<void>,
): ByteSource {
  const hash = createHash('sha1');
  let start = workAt;
  let passed = false;
  for (;;) {
    const end = await body.fill(work, workAt);
    cipher.apply(workAt, end);
    const isLast = end < work.length;
    const passEnd = end - (isLast ? trailerBytes : heldBytes);
    let from = start;
    if (!passed) {
      from += prefixBytes;
      if (passEnd < from) throw cutShort();
      checkPrefix(work.subarray(start, from));
      passed = true;
    }
    if (isLast) {
      hash.update(work.subarray(start, passEnd + 2));
      if (work[passEnd] !== headerOctets.modificationDetection || work[passEnd + 1] !== digestBytes) throw changed();
      if (!hash.digest().equals(work.subarray(passEnd + 2, end))) throw changed();
      await ended();
    } else {
      hash.update(work.subarray(start, passEnd));
    }
    if (passEnd > from) yield work.subarray(from, passEnd);
    if (isLast) return;
    start = workAt - heldBytes;
    work.copyWithin(start, passEnd, end);
  }
}

function checkPrefix(prefix: Uint8Array): void {
  const [first, second, again, againSecond] = prefix.subarray(blockBytes - 2);
  if (first !== again || second !== againSecond) throw changed();
}

function changed(): CorruptError {
  return new CorruptError('an OpenPGP message fails its integrity check', {
    hint: 'The object was changed after it was written, or was cut: restore from another backup, or from a copy of the storage.',
  });
}
