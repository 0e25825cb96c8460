import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import { openAwsKmsCrypter } from '../../../../src/crypto/aws-kms/crypter.ts';
import { ArchiverError, CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';
import { startKms } from '../../../../testtools/kms/stand-in.ts';

const kms = await startKms({ keyIds: ['alias/backups', 'alias/other'] });
afterAll(() => kms[Symbol.asyncDispose]());

const settings = {
  WALG_CSE_KMS_ID: 'alias/backups',
  WALG_CSE_KMS_REGION: 'eu-north-1',
  WALG_CSE_KMS_ENDPOINT: kms.url,
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a secret of AWS',
};
const crypter = openAwsKmsCrypter(rawSettings(settings));

function sealed(plain: Uint8Array): Promise<Buffer> {
  return collect(crypter.encrypt(lending(plain, 30_000)));
}

function opened(object: Uint8Array): Promise<Buffer> {
  return collect(crypter.decrypt(lending(object, 7_000)));
}

describe('an object under AWS KMS', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 1_000_000])('of %i bytes comes back', async (length) => {
    const plain = noise(length);
    const object = await sealed(plain);
    expect(object.length).toBe(184 + length + 32 * Math.ceil(length / 65_536));
    expect((await opened(object)).equals(plain)).toBe(true);
  });

  it('has a data key of its own, wrapped by the key that is set and unwrapped by what the object holds alone', async () => {
    const before = kms.calls.length;
    const [one, other] = [await sealed(Buffer.alloc(10)), await sealed(Buffer.alloc(10))];
    await opened(one);
    const calls = kms.calls.slice(before);
    expect(calls.map(({ operation }) => operation)).toEqual(['Encrypt', 'Encrypt', 'Decrypt']);
    expect(calls[0]?.body['Plaintext']).not.toBe(calls[1]?.body['Plaintext']);
    expect(calls[0]?.body['KeyId']).toBe('alias/backups');
    expect(Object.keys(calls[0]?.body ?? {}).sort()).toEqual(['KeyId', 'Plaintext']);
    expect(calls[2]?.body).toEqual({ CiphertextBlob: one.toString('base64', 0, 184) });
    expect(one.subarray(184).equals(other.subarray(184))).toBe(false);
    expect(calls[0]?.authorization).toContain('Credential=AKIDEXAMPLE/');
    expect(calls[0]?.authorization).toContain('/eu-north-1/kms/');
  });

  it('is read with whatever key it was written', async () => {
    const rotated = openAwsKmsCrypter(rawSettings({ ...settings, WALG_CSE_KMS_ID: 'alias/other' }));
    const object = await collect(rotated.encrypt(fromBytes(Buffer.from('old'))));
    expect((await opened(object)).toString()).toBe('old');
  });

  it('is refused when it is cut right behind its data key, or in it', async () => {
    const object = await sealed(madeBytes(70_000));
    for (const length of [0, 1, 183, 184, 200]) {
      await expect(opened(object.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it('is refused when anything follows it, also when it is empty', async () => {
    for (const length of [0, 10]) {
      const object = await sealed(Buffer.alloc(length));
      await expect(opened(Buffer.concat([object, Buffer.alloc(1)]))).rejects.toThrow('goes on after its end');
    }
  });

  it('is refused when it is in clear', async () => {
    const clear = opened(madeBytes(5_000));
    await expect(clear).rejects.toThrow('does not begin with one that AWS KMS encrypted');
    await expect(clear).rejects.toBeInstanceOf(CorruptError);
  });
});

describe('the crypter of AWS KMS', () => {
  it('is told from its objects as far as they can tell', async () => {
    const object = await sealed(madeBytes(100_000));
    expect(await crypter.identify(object.subarray(0, 16 << 10))).toEqual({
      encrypted: true,
      recipients: [],
      ours: undefined,
    });
    expect(await crypter.identify(await sealed(Buffer.alloc(0)))).toMatchObject({ encrypted: undefined });
    expect(await crypter.identify(Buffer.alloc(5_000))).toMatchObject({ encrypted: false, ours: false });
    expect(await crypter.identify(Buffer.alloc(100))).toMatchObject({ encrypted: false, ours: false });
  });

  it('reports the key without calling anybody, and no secret', async () => {
    const before = kms.calls.length;
    const report = await crypter.report();
    expect(report).toMatchObject({ canEncrypt: true, canDecrypt: true, keys: [{ id: 'alias/backups' }] });
    expect(kms.calls.length).toBe(before);
    expect(inspect(crypter, { depth: 9, showHidden: true })).not.toContain('a secret of AWS');
  });

  it('never writes without the data key: the first error ends the object', async () => {
    kms.fail({ status: 400, type: 'AccessDeniedException', message: 'not you' });
    try {
      const written: number[] = [];
      const writing = (async () => {
        for await (const chunk of crypter.encrypt(lending(madeBytes(5_000)))) written.push(chunk.length);
      })();
      await expect(writing).rejects.toBeInstanceOf(ArchiverError);
      expect(written).toEqual([]);
    } finally {
      kms.fail(undefined);
    }
  });
});
