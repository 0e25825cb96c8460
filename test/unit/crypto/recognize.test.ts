import { createMessage, encrypt, generateKey } from 'openpgp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recognizeMessage } from '../../../src/crypto/recognize.ts';
import { noise } from '../../../testtools/byte-sources.ts';

async function message(options: { readonly wildcard?: boolean; readonly passwords?: string } = {}): Promise<{
  readonly bytes: Uint8Array;
  readonly keyId: string;
}> {
  const { privateKey } = await generateKey({ userIDs: [{ name: 'x' }], format: 'object' });
  const plain = await createMessage({ binary: Uint8Array.from(noise(1000)) });
  const bytes: unknown = await encrypt({ message: plain, encryptionKeys: privateKey, format: 'binary', ...options });
  if (!(bytes instanceof Uint8Array)) throw new Error('not binary');
  const { keyPacket } = await privateKey.getEncryptionKey();
  return { bytes, keyId: keyPacket.getKeyID().toHex().toUpperCase() };
}

describe('recognizing a message', () => {
  it('tells the keys that it is for, and that it is for hidden ones or a passphrase', async () => {
    const { bytes, keyId } = await message();
    expect(await recognizeMessage(bytes)).toEqual({ recipients: [keyId] });
    expect(await recognizeMessage((await message({ wildcard: true })).bytes)).toEqual({
      recipients: [],
    });
    const both = await message({ passwords: 'secret' });
    expect(await recognizeMessage(both.bytes)).toEqual({ recipients: [both.keyId] });
  });

  it('takes other bytes for what they are', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(1000),
      Buffer.from('84', 'hex'),
      Buffer.from('\u0004"M\u0018'),
    ]) {
      expect(await recognizeMessage(bytes)).toBeUndefined();
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), async (bytes) => {
        expect(await recognizeMessage(bytes)).toBeUndefined();
      }),
    );
  });
});
