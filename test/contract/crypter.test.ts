import { afterAll, beforeAll } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { openAwsKmsCrypter } from '../../src/crypto/aws-kms/crypter.ts';
import type { Crypter } from '../../src/crypto/crypter.ts';
import { openLibsodiumCrypter } from '../../src/crypto/libsodium/crypter.ts';
import { openOpenPgpCrypter } from '../../src/crypto/openpgp/crypter.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { crypterContract } from '../../testtools/crypter-contract.ts';
import { startKms, type KmsStandIn } from '../../testtools/kms/stand-in.ts';
import { makeKey } from '../../testtools/openpgp-keys.ts';

const openPgp = async (): Promise<Crypter> => {
  const { privateKey } = await makeKey();
  return openOpenPgpCrypter(rawSettings({ WALG_PGP_KEY: privateKey }), { logger: silentLogger, home: '/nonexistent' });
};
const [one, other] = [openPgp(), openPgp()];
crypterContract('OpenPGP', { open: () => one, openOther: () => other });

const libsodium = (letter: string): Promise<Crypter> =>
  Promise.resolve(openLibsodiumCrypter(rawSettings({ WALG_LIBSODIUM_KEY: letter.repeat(32) })));
crypterContract('libsodium', { open: () => libsodium('a'), openOther: () => libsodium('b') });

let services: readonly KmsStandIn[] = [];
beforeAll(async () => {
  services = [await startKms(), await startKms()];
});
afterAll(async () => {
  for (const service of services) await service[Symbol.asyncDispose]();
});
const kms = (service: KmsStandIn | undefined): Promise<Crypter> =>
  Promise.resolve(
    openAwsKmsCrypter(
      rawSettings({
        WALG_CSE_KMS_ID: 'alias/backups',
        WALG_CSE_KMS_REGION: 'eu-north-1',
        WALG_CSE_KMS_ENDPOINT: service?.url,
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'a secret of AWS',
      }),
    ),
  );
crypterContract('AWS KMS', { open: () => kms(services[0]), openOther: () => kms(services[1]) });
