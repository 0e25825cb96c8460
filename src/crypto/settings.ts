/** Settings of encryption. Which of them wins is decided in `open.ts`. */
import { oneOf, path, text } from '../config/parsers.ts';
import { looksLikeKey } from '../config/shown.ts';
import { optionalSetting, setting, type Parser } from '../config/setting.ts';

const refused = 'Not supported: setting it ends the run, since nothing is stored in clear that should be encrypted.';
const secret = { secret: true } as const;

/** A key in the place of its path would show up in messages about a file that is not there. */
const keyFile: Parser<string> = {
  ...path,
  allowed: 'the path of a file, not the key itself',
  parse(value) {
    if (looksLikeKey(value)) throw new Error('it is the key itself');
    return path.parse(value);
  },
};

/** A key in the place of its id would show up in the log, and in the command line of gpg. */
const keyId: Parser<string> = {
  ...text,
  allowed: 'the id of a key in GnuPG, not the key itself',
  parse(value) {
    if (value.includes('-----BEGIN ')) throw new Error('it is the key itself');
    return text.parse(value);
  },
};

/** OpenPGP, with keys of our own or of GnuPG. */
export const openPgpSettings = {
  key: optionalSetting(
    'WALG_PGP_KEY',
    text,
    'An OpenPGP key (or several), ASCII-armored; backslash and n stand for a line end. A public key encrypts, a private one decrypts as well.',
    secret,
  ),
  keyPath: optionalSetting(
    'WALG_PGP_KEY_PATH',
    keyFile,
    'A file with an OpenPGP key or several, armored or binary. Not used when WALG_PGP_KEY is set.',
  ),
  passphrase: optionalSetting('WALG_PGP_KEY_PASSPHRASE', text, 'Unlocks the private OpenPGP keys.', secret),
  gpgKeyId: optionalSetting(
    'WALG_GPG_KEY_ID',
    keyId,
    'Deprecated: id of a key in GnuPG, fetched by the program gpg. Not used when WALG_PGP_KEY or WALG_PGP_KEY_PATH is set.',
    { aliases: ['WALE_GPG_KEY_ID', 'GPG_KEY_ID'], secret: true },
  ),
};

/** OpenPGP with keys that a KMS encrypts. */
export const envelopeSettings = {
  key: optionalSetting('WALG_ENVELOPE_PGP_KEY', text, `An OpenPGP key encrypted by a KMS. ${refused}`, secret),
  keyPath: optionalSetting('WALG_ENVELOPE_PGP_KEY_PATH', keyFile, `A file with such a key. ${refused}`),
};

/** Data keys from AWS KMS. */
export const awsKmsSettings = {
  keyId: optionalSetting('WALG_CSE_KMS_ID', text, 'Id, ARN or alias of a key of AWS KMS that encrypts data keys.'),
  region: optionalSetting('WALG_CSE_KMS_REGION', text, 'Region of that key. Default: that of the AWS configuration.'),
  endpoint: optionalSetting(
    'WALG_CSE_KMS_ENDPOINT',
    text,
    'URL to reach AWS KMS by, instead of that of the region. (walvault only)',
  ),
};

/** Data keys from Yandex Cloud KMS. */
export const yandexKmsSettings = {
  keyId: optionalSetting('YC_CSE_KMS_KEY_ID', text, `Id of a key of Yandex Cloud KMS. ${refused}`),
};

/** Streams of libsodium. */
export const libsodiumSettings = {
  key: optionalSetting('WALG_LIBSODIUM_KEY', text, 'A libsodium key.', secret),
  keyPath: optionalSetting(
    'WALG_LIBSODIUM_KEY_PATH',
    keyFile,
    'A file with a libsodium key; white space around it is ignored. Not used when WALG_LIBSODIUM_KEY is set.',
  ),
  keyTransform: setting(
    'WALG_LIBSODIUM_KEY_TRANSFORM',
    oneOf('none', 'base64', 'hex'),
    'none',
    'How the text of the libsodium key becomes 32 bytes: none takes the first 32 as they are (at least 25), base64 and hex decode it.',
  ),
};

/** All of them. */
export const cryptoSettings = [
  openPgpSettings,
  libsodiumSettings,
  awsKmsSettings,
  envelopeSettings,
  yandexKmsSettings,
] as const;
