/** Whom an OpenPGP message is for, as far as its first bytes tell (RFC 9580 5.1, 10.3). */
import { ByteReader } from '../../bytes/reader.ts';
import { fromBytes } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { PacketBody, readHeader, tags } from './message/packet.ts';

/** What the first bytes tell. */
export interface MessageHead {
  /** It is an encrypted OpenPGP message; undefined when the bytes end before that can be told. */
  readonly encrypted: boolean | undefined;
  /** Ids of the keys that it is for, in upper-case hex; those that are hidden are left out. */
  readonly recipients: readonly string[];
  /** There are recipients whose key is not named, or a passphrase opens it. */
  readonly hidden: boolean;
  /** The session keys wrapped for public keys, with their headers, as far as they are whole. */
  readonly keyPackets: Uint8Array;
}

const foreign: MessageHead = { encrypted: false, recipients: [], hidden: false, keyPackets: new Uint8Array(0) };
const hiddenId = '0'.repeat(16);

/** Reads packet by packet until the encrypted data begin. */
export async function readMessageHead(head: Uint8Array): Promise<MessageHead> {
  const reader = new ByteReader(fromBytes(head));
  const recipients: string[] = [];
  const packets: Uint8Array[] = [];
  let hidden = false;
  const found = (encrypted: boolean | undefined): MessageHead => ({
    encrypted,
    recipients,
    hidden,
    keyPackets: Buffer.concat(packets),
  });
  try {
    for (let header = await readHeader(reader); header !== undefined; header = await readHeader(reader)) {
      const body = new PacketBody(reader, header);
      switch (header.tag) {
        case tags.sessionKeyForKey: {
          const bytes = await body.read(header.bytes);
          const id = recipientOf(bytes);
          if (id === undefined) return foreign;
          packets.push(header.raw, bytes);
          if (id === hiddenId) hidden = true;
          else recipients.push(id);
          break;
        }
        case tags.sessionKeyForPassphrase:
        case tags.marker:
        case tags.padding:
          hidden ||= header.tag === tags.sessionKeyForPassphrase;
          await body.skip();
          break;
        case tags.encrypted:
        case tags.protected:
        case tags.aeadEncrypted:
          // Nobody could open it: bytes of something else that only look like it.
          return recipients.length > 0 || hidden ? found(true) : foreign;
        default:
          return foreign;
      }
    }
  } catch (error) {
    // The bytes end in the middle of a packet.
    if (!(error instanceof CorruptError)) throw error;
  }
  return found(recipients.length > 0 ? true : undefined);
}

/** The id in a session key packet of version 3, or the one that belongs to the fingerprint in version 6. */
function recipientOf(body: Uint8Array): string | undefined {
  const [version, size = 0, keyVersion = 0] = body;
  if (version === 3 && body.length > 10) return hex(body.subarray(1, 9));
  if (version !== 6) return undefined;
  if (size === 0) return hiddenId;
  const fingerprint = body.subarray(3, 2 + size);
  return hex(keyVersion >= 5 ? fingerprint.subarray(0, 8) : fingerprint.subarray(-8));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}
