import { randomBytes } from 'node:crypto';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import type { KeyMaterial } from '../../../../src/crypto/openpgp/keys.ts';
import { openKeyRing } from '../../../../src/crypto/openpgp/ring.ts';
import { makeKey, type MadeKey } from '../../../../testtools/openpgp-keys.ts';

const config = { aeadProtect: true, preferredAEADAlgorithm: openpgp.enums.aead.gcm, aeadChunkSizeByte: 6 } as const;
const data = randomBytes(40_000);

/** Encrypted by chunks with AEAD, SEIPD version 2. */
async function withAead(key: MadeKey, binary: Uint8Array = data): Promise<Uint8Array> {
  const message = await openpgp.createMessage({ binary });
  return (await openpgp.encrypt({ message, encryptionKeys: key.key, format: 'binary', config })) as Uint8Array;
}

/** GnuPG's own packet, tag 20. */
async function withTag20(key: MadeKey): Promise<Uint8Array> {
  const session = randomBytes(32);
  const packet = new openpgp.AEADEncryptedDataPacket() as unknown as {
    cipherAlgorithm: number;
    aeadAlgorithm: number;
    chunkSizeByte: number;
    packets: unknown;
    encrypt(algorithm: number, session: Uint8Array, config: unknown): Promise<void>;
  };
  const literal = (await openpgp.createMessage({ binary: data })).packets;
  packet.cipherAlgorithm = openpgp.enums.symmetric.aes256;
  packet.aeadAlgorithm = openpgp.enums.aead.ocb;
  packet.chunkSizeByte = 6;
  packet.packets = literal;
  await packet.encrypt(openpgp.enums.symmetric.aes256, session, { ...openpgp.config, ...config });
  const list = new openpgp.PacketList();
  list.push(packet as unknown as openpgp.AnyPacket);
  const wrapped = await openpgp.encryptSessionKey({
    data: session,
    algorithm: 'aes256',
    encryptionKeys: key.key,
    format: 'binary',
  });
  const parts: Uint8Array[] = [wrapped];
  // What it writes is a stream of the library's own kind.
  const reader = (list.write() as unknown as ReadableStream<Uint8Array>).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
  return Buffer.concat(parts);
}

function decrypted({ privateKey }: MadeKey, message: ByteSource): Promise<Buffer> {
  const give = (): Promise<KeyMaterial> => Promise.resolve({ origin: 'the test', bytes: Buffer.from(privateKey) });
  const ring = openKeyRing({ publicKeys: give, freshPublicKeys: undefined, privateKeys: give }, undefined);
  return collect(ring.decryptRareForms(message));
}

/** Lends one buffer again and again, as stages do. */
async function* lent(bytes: Uint8Array, size = 1000): ByteSource {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    buffer.set(bytes.subarray(at, at + size));
    yield await Promise.resolve(buffer.subarray(0, Math.min(size, bytes.length - at)));
  }
}

let key: MadeKey;
let messages: Readonly<Record<string, Uint8Array>>;
beforeAll(async () => {
  // Its features tell that it takes AEAD.
  key = await makeKey({ config });
  messages = { 'SEIPD version 2': await withAead(key), 'tag 20': await withTag20(key) };
});

const forms = ['SEIPD version 2', 'tag 20'];

describe('a message with AEAD', () => {
  it.each(forms)('is decrypted, in form %s', async (form) => {
    expect((await decrypted(key, lent(messages[form] ?? data))).equals(data)).toBe(true);
  });

  it('is decrypted for a key of version 6, whose packet does not tell the cipher', async () => {
    const modern = await makeKey({ type: 'curve25519', config: { v6Keys: true, ...config } });
    expect(modern.key.keyPacket.version).toBe(6);
    expect((await decrypted(modern, lent(await withAead(modern)))).equals(data)).toBe(true);
  });

  it.each(forms)('is refused when it is cut anywhere, in form %s', async (form) => {
    const message = messages[form] ?? data;
    const lengths = [0, 1, 60, 200, 1000, 20_000, message.length - 17, message.length - 16, message.length - 1];
    for (const length of lengths) {
      const cut = decrypted(key, lent(message.subarray(0, length)));
      await expect(cut, `${length} bytes`).rejects.toMatchObject({
        kind: expect.stringMatching(/corrupt|forbidden/) as string,
      });
    }
  });

  it.each(forms)('is refused when a bit flips, in form %s', async (form) => {
    const message = messages[form] ?? data;
    for (const at of [150, 200, 5000, 30_000, message.length - 20, message.length - 1]) {
      const changed = Uint8Array.from(message);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(decrypted(key, lent(changed)), `octet ${at}`).rejects.toMatchObject({ kind: 'corrupt' });
    }
  });

  it.each(forms)('is refused when something follows, in form %s', async (form) => {
    const longer = Buffer.concat([messages[form] ?? data, Buffer.from('more')]);
    await expect(decrypted(key, lent(longer))).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('is refused for another key', async () => {
    const message = messages['tag 20'] ?? data;
    await expect(decrypted(await makeKey(), fromBytes(message))).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('ends with the error of its source', async () => {
    const failure = new Error('source broke');
    async function* broken(): ByteSource {
      yield* lent((messages['tag 20'] ?? data).subarray(0, 20_000));
      throw failure;
    }
    await expect(decrypted(key, broken())).rejects.toBe(failure);
  });

  it('ends its source when it is left early', async () => {
    let ended = false;
    async function* watched(): ByteSource {
      try {
        yield* lent(messages['tag 20'] ?? data);
      } finally {
        ended = true;
      }
    }
    const give = (): Promise<KeyMaterial> =>
      Promise.resolve({ origin: 'the test', bytes: Buffer.from(key.privateKey) });
    const ring = openKeyRing({ publicKeys: give, freshPublicKeys: undefined, privateKeys: give }, undefined);
    for await (const chunk of ring.decryptRareForms(watched())) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(ended).toBe(true);
  });
});
