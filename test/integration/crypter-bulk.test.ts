import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { openAwsKmsCrypter } from '../../src/crypto/aws-kms/crypter.ts';
import type { Crypter } from '../../src/crypto/crypter.ts';
import { openLibsodiumCrypter } from '../../src/crypto/libsodium/crypter.ts';
import { openOpenPgpCrypter } from '../../src/crypto/openpgp/crypter.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { noise } from '../../testtools/byte-sources.ts';
import { crypterContract } from '../../testtools/crypter-contract.ts';
import { startKms, type KmsStandIn } from '../../testtools/kms/stand-in.ts';
import { makeKey } from '../../testtools/openpgp-keys.ts';

const openPgp = async (): Promise<Crypter> => {
  const { privateKey } = await makeKey({ type: 'rsa', rsaBits: 2048 });
  return openOpenPgpCrypter(rawSettings({ WALG_PGP_KEY: privateKey }), { logger: silentLogger, home: '/nonexistent' });
};

const [one, other] = [openPgp(), openPgp()];
crypterContract('OpenPGP with RSA', { open: () => one, openOther: () => other });

const chunk = noise(1 << 20);
const chunks = 100;

/** 100 MiB, every chunk of it different and lent. */
async function* much(): ByteSource {
  const lent = Buffer.alloc(chunk.length);
  for (let number = 0; number < chunks; number += 1) {
    chunk.copy(lent);
    lent.writeUInt32BE(number);
    yield lent;
    await Promise.resolve();
  }
}

async function digestOf(
  source: ByteSource,
): Promise<{ readonly digest: string; readonly bytes: number; readonly largest: number }> {
  const hash = createHash('sha256');
  let [bytes, largest] = [0, 0];
  for await (const piece of source) {
    hash.update(piece);
    bytes += piece.length;
    largest = Math.max(largest, piece.length);
  }
  return { digest: hash.digest('hex'), bytes, largest };
}

describe('100 MiB', () => {
  let service: KmsStandIn;
  beforeAll(async () => {
    service = await startKms();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const crypters: readonly (readonly [string, () => Promise<Crypter>])[] = [
    ['OpenPGP', () => one],
    ['libsodium', () => Promise.resolve(openLibsodiumCrypter(rawSettings({ WALG_LIBSODIUM_KEY: 'k'.repeat(32) })))],
    [
      'AWS KMS',
      () =>
        Promise.resolve(
          openAwsKmsCrypter(
            rawSettings({
              WALG_CSE_KMS_ID: 'alias/backups',
              WALG_CSE_KMS_REGION: 'eu-north-1',
              WALG_CSE_KMS_ENDPOINT: service.url,
              AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
              AWS_SECRET_ACCESS_KEY: 'a secret of AWS',
            }),
          ),
        ),
    ],
  ];

  it.each(crypters)('come back from %s, in pieces of bounded size', async (_name, open) => {
    const crypter = await open();
    const back = await digestOf(crypter.decrypt(crypter.encrypt(much())));
    expect(back.bytes).toBe(chunks * chunk.length);
    expect(back.digest).toBe((await digestOf(much())).digest);
    expect(back.largest).toBeLessThanOrEqual(1 << 20);
  });
});
