/**
 * From settings to a crypter (`compression-crypto.md` 3 of the specification). What asks for encryption and can't be
 * honoured ends the run: nothing is stored in clear that should be encrypted.
 */
import type { RawSettings, Setting } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { Crypter } from './crypter.ts';
import { awsKmsSettings, envelopeSettings, libsodiumSettings, openPgpSettings, yandexKmsSettings } from './settings.ts';

/** A way of encrypting, as it is asked for. */
interface Way {
  /** Any of these asks for it. */
  readonly asking: readonly Setting<string | undefined>[];
  open(): Promise<Crypter>;
}

/**
 * The crypter that the settings ask for; undefined when they ask for none. Keys are read now, and parsed when they are
 * first needed.
 *
 * @param options.logger told what is odd about the settings
 * @throws ArchiverError (`config`) when they contradict each other, or ask for what can't be had
 */
export async function openCrypter(
  raw: RawSettings,
  { logger }: { readonly logger: Logger },
): Promise<Crypter | undefined> {
  const ways = waysOf(raw, logger);
  const asked = ways.filter(({ asking }) => setName(asking, raw) !== undefined);
  const [first, ...others] = asked;
  if (first === undefined) {
    warnOfUnused(raw, logger);
    return undefined;
  }
  const [openPgp, envelope] = ways.map(({ asking }) => setName(asking, raw));
  if (openPgp !== undefined && envelope !== undefined) {
    throw new ArchiverError('config', `${openPgp} and ${envelope} are both set`, {
      hint: 'Remove one of them: objects are encrypted in one way.',
    });
  }
  const used = setName(first.asking, raw);
  for (const { asking } of others) logger.warn('setting not used', { name: setName(asking, raw), because: used });
  return first.open();
}

/** All ways, the one that wins first; OpenPGP and its envelope are the first two. */
function waysOf(raw: RawSettings, logger: Logger): readonly Way[] {
  const { key, keyPath, gpgKeyId } = openPgpSettings;
  return [
    {
      asking: [key, keyPath, gpgKeyId],
      open: async () => (await import('./openpgp/crypter.ts')).openOpenPgpCrypter(raw, { logger }),
    },
    refused([envelopeSettings.key, envelopeSettings.keyPath], raw),
    {
      asking: [awsKmsSettings.keyId],
      open: async () => (await import('./aws-kms/crypter.ts')).openAwsKmsCrypter(raw),
    },
    refused([yandexKmsSettings.keyId], raw),
    {
      asking: [libsodiumSettings.key, libsodiumSettings.keyPath],
      open: async () => (await import('./libsodium/crypter.ts')).openLibsodiumCrypter(raw),
    },
  ];
}

function refused(asking: Way['asking'], raw: RawSettings): Way {
  return {
    asking,
    open: () =>
      Promise.reject(
        new ArchiverError('config', `${setName(asking, raw) ?? ''} is set, and Yandex Cloud KMS is not supported`, {
          hint: 'Encrypt with OpenPGP, libsodium or AWS KMS, or use WAL-G for this archive; nothing was read or written.',
        }),
      ),
  };
}

/** The name under which the first of these is set. */
function setName(settings: readonly Setting<unknown>[], raw: RawSettings): string | undefined {
  const names = settings.flatMap(({ env, aliases }) => [env, ...aliases]);
  return names.find((name) => raw.get(name) !== undefined);
}

/** Settings that only mean something beside a key. */
function warnOfUnused(raw: RawSettings, logger: Logger): void {
  const beside = [openPgpSettings.passphrase, libsodiumSettings.keyTransform, awsKmsSettings.region];
  for (const one of beside) {
    const name = setName([one], raw);
    if (name !== undefined) logger.warn('setting not used', { name, because: 'no key is set: objects are in clear' });
  }
}
