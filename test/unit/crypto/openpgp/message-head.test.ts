import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';
import { readMessageHead } from '../../../../src/crypto/openpgp/message-head.ts';
import { makeKey, subkeyId } from '../../../../testtools/openpgp-keys.ts';

async function encrypted(options: Partial<openpgp.EncryptOptions>): Promise<Uint8Array> {
  const message = await openpgp.createMessage({ binary: new Uint8Array(100_000) });
  return (await openpgp.encrypt({ ...options, message, format: 'binary' })) as Uint8Array;
}

describe('the head of an OpenPGP message', () => {
  it('tells the keys that it is for', async () => {
    const [one, two] = [await makeKey(), await makeKey()];
    const message = await encrypted({ encryptionKeys: [one.key, two.key] });
    expect(await readMessageHead(message.subarray(0, 16_384))).toMatchObject({
      encrypted: true,
      recipients: [subkeyId(one), subkeyId(two)],
      hidden: false,
    });
  });

  it('tells them of messages with AEAD, too', async () => {
    const key = await makeKey({ type: 'curve25519', config: { v6Keys: true, aeadProtect: true } });
    const message = await encrypted({ encryptionKeys: key.key });
    expect(message[message.indexOf(0xc1)]).toBe(0xc1);
    expect(await readMessageHead(message)).toMatchObject({
      encrypted: true,
      recipients: [subkeyId(key)],
      hidden: false,
    });
  });

  it('tells that they are hidden, or that a passphrase opens it', async () => {
    const { key } = await makeKey();
    const hidden = { encrypted: true, recipients: [], hidden: true };
    expect(await readMessageHead(await encrypted({ encryptionKeys: key, wildcard: true }))).toMatchObject(hidden);
    expect(await readMessageHead(await encrypted({ passwords: 'hunter2' }))).toMatchObject(hidden);
  });

  it('tells what there is to tell when it is cut', async () => {
    const [one, two] = [await makeKey({ type: 'rsa', rsaBits: 2048 }), await makeKey()];
    const message = await encrypted({ encryptionKeys: [one.key, two.key] });
    expect(await readMessageHead(message.subarray(0, 300))).toMatchObject({
      encrypted: true,
      recipients: [subkeyId(one)],
      hidden: false,
    });
    expect(await readMessageHead(message.subarray(0, 100))).toMatchObject({ encrypted: undefined, recipients: [] });
    expect(await readMessageHead(new Uint8Array(0))).toMatchObject({ encrypted: undefined });
  });

  it.each([
    ['lz4', Buffer.from('04224d186470b90000000005', 'hex')],
    ['zstd', Buffer.from('28b52ffd0468010000', 'hex')],
    ['lzma', Buffer.from('5d00008000ffffffffffffffff', 'hex')],
    ['brotli', Buffer.from('8b0080aaaaeaff74e5fdfd', 'hex')],
    ['bytes that look like encrypted data without a key', Buffer.from('d23401aabbccddeeff', 'hex')],
    ['a tar header', Buffer.from('part_001.tar')],
    ['an OpenPGP key', Buffer.from('99010d046b010f75', 'hex')],
    ['a session key of an unknown version', Buffer.from('c103090000', 'hex')],
  ])('is not seen in %s', async (_, bytes) => {
    expect(await readMessageHead(bytes)).toMatchObject({ encrypted: false, recipients: [], hidden: false });
  });
});
