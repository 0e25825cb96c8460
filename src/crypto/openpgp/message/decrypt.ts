/**
 * Reads OpenPGP messages: WAL-G's, gpg's and ours (RFC 9580, 10.3). The packets before the encrypted one tell who can read
 * it; forms that are rare here are left to the library.
 */
import { ByteReader } from '../../../bytes/reader.ts';
import type { ByteSource, Stage } from '../../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../../errors.ts';
import type { KeyRing } from '../key-ring.ts';
import { literalData } from './contents.ts';
import { cutShort, PacketBody, readHeader, tags, type PacketHeader } from './packet.ts';
import { protectedContents } from './protected.ts';

/** Session keys of some thousand recipients; more is no message. Packets may be empty, so that bytes alone are no limit. */
const maxPreambleBytes = 1 << 20;
const maxPreamblePackets = 10_000;
/** Pieces in which a message goes to the library. */
const pieceBytes = 256 << 10;
/** Behind the version of a packet with AEAD: cipher, mode, length of chunks. */
const aeadBytes = 3;
/** Chunks of 4 MiB, the largest that RFC 9580 allows. The library holds several of them before it hands one on. */
const maxChunkOctet = 16;
const armorStart = '-----BEGIN PGP';

/** What stands before the encrypted data. */
interface Preamble {
  /** All of it as it was read, up to the header of the encrypted packet. */
  readonly raw: Uint8Array;
  /** The session keys wrapped for public keys, with their headers. */
  readonly keyPackets: Uint8Array;
  readonly hasPassphrase: boolean;
  readonly encrypted: PacketHeader;
}

/**
 * Decrypts a message with a key of the ring, in constant memory. Data are yielded as they come, the last of them only once
 * the integrity of all is verified and nothing follows.
 *
 * Ends with a CorruptError when the message is none, is cut, was changed, or has no protection of its integrity; with the
 * ring's error (`forbidden`) when it is for other keys.
 */
export function decryptMessage(ring: KeyRing): Stage {
  return async function* (source) {
    const reader = new ByteReader(source);
    try {
      yield* decrypted(reader, ring);
    } finally {
      await reader.close();
    }
  };
}

async function* decrypted(reader: ByteReader, ring: KeyRing): ByteSource {
  const { raw, keyPackets, hasPassphrase, encrypted } = await readPreamble(reader);
  const body = new PacketBody(reader, encrypted);
  const [version = 0] = await body.read(1);
  if (encrypted.tag === tags.aeadEncrypted || version === 2) {
    // A first part as short as this would have the header of the next one among the bytes that are put back.
    if (encrypted.bytes < 1 + aeadBytes) throw cutShort();
    const start = await body.read(aeadBytes);
    if ((start[aeadBytes - 1] ?? 0) > maxChunkOctet) throw largeChunks();
    yield* ring.decryptRareForms(wholeMessage(Buffer.concat([raw, Uint8Array.of(version), start]), reader));
    return;
  }
  if (version !== 1) throw new CorruptError(`an OpenPGP message is protected in an unknown way (version ${version})`);
  if (keyPackets.length === 0 && hasPassphrase) throw onlyPassphrase();
  const session = await ring.openSession(keyPackets);
  const ended = async (): Promise<void> => {
    if ((await reader.readSome(1)) !== undefined) throw new CorruptError('something follows an OpenPGP message');
  };
  yield* literalData(protectedContents(body, session, ended));
}

async function readPreamble(reader: ByteReader): Promise<Preamble> {
  const raw: Uint8Array[] = [];
  const keyPackets: Uint8Array[] = [];
  let hasPassphrase = false;
  let totalBytes = 0;
  for (let packets = 1; ; packets += 1) {
    const header = await readHeader(reader);
    if (header === undefined) throw raw.length === 0 ? new CorruptError('an OpenPGP message is empty') : noMessage();
    raw.push(header.raw);
    switch (header.tag) {
      case tags.sessionKeyForKey:
      case tags.sessionKeyForPassphrase:
      case tags.marker:
      case tags.padding: {
        totalBytes += header.bytes;
        if (header.inParts || totalBytes > maxPreambleBytes || packets > maxPreamblePackets) throw noMessage();
        const body = await new PacketBody(reader, header).read(header.bytes);
        raw.push(body);
        if (header.tag === tags.sessionKeyForKey) keyPackets.push(header.raw, body);
        if (header.tag === tags.sessionKeyForPassphrase) hasPassphrase = true;
        break;
      }
      case tags.protected:
      case tags.aeadEncrypted:
        return { raw: Buffer.concat(raw), keyPackets: Buffer.concat(keyPackets), hasPassphrase, encrypted: header };
      case tags.encrypted:
        throw new CorruptError('an OpenPGP message has no protection of its integrity', {
          hint: 'Such messages can be changed unnoticed and are refused; gpg has written better ones since 2003.',
        });
      default:
        throw (await isArmored(header, reader)) ? armored() : noMessage();
    }
  }
}

async function isArmored(header: PacketHeader, reader: ByteReader): Promise<boolean> {
  if (header.raw[0] !== armorStart.charCodeAt(0)) return false;
  const rest = await reader.read(armorStart.length - 1);
  return Buffer.from(rest).toString('latin1') === armorStart.slice(1);
}

/** The message again from its first byte. */
async function* wholeMessage(start: Uint8Array, reader: ByteReader): ByteSource {
  yield start;
  for (;;) {
    const piece = await reader.readSome(pieceBytes);
    if (piece === undefined) return;
    yield piece;
  }
}

function noMessage(): CorruptError {
  return new CorruptError('this is not an OpenPGP message', {
    hint: 'The object was probably stored without encryption, or is encrypted in another way: unset the OpenPGP key, or set the key that it was written with.',
  });
}

function armored(): CorruptError {
  return new CorruptError('this is an OpenPGP message in ASCII armor, which objects never are', {
    hint: 'Convert it by gpg --dearmor.',
  });
}

function largeChunks(): CorruptError {
  return new CorruptError('an OpenPGP message is checked in chunks of more than 4 MiB, which take too much memory', {
    hint: 'It is damaged, or was made by gpg with a --chunk-size above 22: decrypt it by gpg.',
  });
}

function onlyPassphrase(): ArchiverError {
  return new ArchiverError('forbidden', 'an OpenPGP message is encrypted by a passphrase, for no key', {
    hint: 'Neither WAL-G nor walvault writes such objects: decrypt it by gpg.',
  });
}
