/** Settings that ask for encryption. */
import { path, text } from '../config/parsers.ts';
import { optionalSetting } from '../config/setting.ts';

const later =
  'Not in this version: setting it ends the run, since nothing is stored in clear that should be encrypted.';
const secret = { secret: true } as const;

/** Any of these means: encrypt. Which wins is in `compression-crypto.md` 3 of the specification. */
export const cryptoSettings = {
  pgpKey: optionalSetting('WALG_PGP_KEY', text, `The text of an OpenPGP key. ${later}`, secret),
  pgpKeyPath: optionalSetting('WALG_PGP_KEY_PATH', path, `A file with an OpenPGP key. ${later}`),
  pgpKeyPassphrase: optionalSetting('WALG_PGP_KEY_PASSPHRASE', text, `Passphrase of the OpenPGP key. ${later}`, secret),
  gpgKeyId: optionalSetting('WALG_GPG_KEY_ID', text, `Id of a key in GnuPG. ${later}`, {
    aliases: ['WALE_GPG_KEY_ID', 'GPG_KEY_ID'],
    secret: true,
  }),
  envelopeKey: optionalSetting('WALG_ENVELOPE_PGP_KEY', text, `An OpenPGP key encrypted by a KMS. ${later}`, secret),
  envelopeKeyPath: optionalSetting('WALG_ENVELOPE_PGP_KEY_PATH', path, `A file with such a key. ${later}`),
  awsKmsId: optionalSetting('WALG_CSE_KMS_ID', text, `Id of a key of AWS KMS. ${later}`),
  yandexKmsId: optionalSetting('YC_CSE_KMS_KEY_ID', text, `Id of a key of Yandex Cloud KMS. ${later}`),
  libsodiumKey: optionalSetting('WALG_LIBSODIUM_KEY', text, `A libsodium key. ${later}`, secret),
  libsodiumKeyPath: optionalSetting('WALG_LIBSODIUM_KEY_PATH', path, `A file with a libsodium key. ${later}`),
};
