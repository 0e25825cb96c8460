/** Keys of GnuPG by their id: deprecated, and kept for those who come from WAL-G and WAL-E. */
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { GpgOutcome, GpgRun } from './gpg.ts';
import { gpgKeyCache } from './gpg-key-cache.ts';
import type { KeySource } from './key-source.ts';
import { checkMaterial, type KeyMaterial } from './keys.ts';

/** Which key, and how to ask for it. */
export interface GpgKeyOptions {
  readonly keyId: string;
  /** Of the private key; undefined when none is set. */
  readonly passphrase: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly home: string;
  readonly logger: Logger;
  readonly timeoutMs?: number;
}

/** The source; gpg runs when keys are asked for, and only if the public one isn't kept from earlier. */
export function openGpgKeySource(options: GpgKeyOptions): KeySource {
  const { keyId, logger, home } = options;
  logger.warn('keys by their id in GnuPG are deprecated', { instead: 'WALG_PGP_KEY_PATH', keyId });
  const cache = gpgKeyCache(home, logger);
  const freshPublicKeys = async (): Promise<KeyMaterial> => {
    const outcome = await run({ ...options, passphrase: undefined, args: ['-a', '--export', '--', keyId] });
    // It ends with status 0 for a key that it doesn't have.
    if (outcome.stderr !== '') throw notExported('public', keyId, outcome);
    const material = checked('public', keyId, outcome);
    cache.write(keyId, material.bytes);
    return material;
  };
  return {
    async publicKeys() {
      const kept = cache.read(keyId);
      if (kept !== undefined) {
        const material = { origin: `the file "${cache.path}"`, bytes: kept };
        if (holdsKey(material)) return material;
      }
      return freshPublicKeys();
    },
    freshPublicKeys,
    async privateKeys() {
      return checked('private', keyId, await run({ ...options, args: ['-a', '--export-secret-key', '--', keyId] }));
    },
  };
}

/** Other sources need no child processes, which take a few milliseconds to load. */
async function run(gpg: GpgRun): Promise<GpgOutcome> {
  return (await import('./gpg.ts')).runGpg(gpg);
}

function holdsKey(material: KeyMaterial): boolean {
  try {
    checkMaterial(material);
    return true;
  } catch {
    return false;
  }
}

function checked(part: 'public' | 'private', keyId: string, outcome: GpgOutcome): KeyMaterial {
  const material = { origin: `GnuPG's key "${keyId}"`, bytes: outcome.stdout };
  if (!outcome.succeeded || outcome.stdout.length === 0) throw notExported(part, keyId, outcome);
  checkMaterial(material);
  return material;
}

function notExported(part: 'public' | 'private', keyId: string, { stderr }: GpgOutcome): ArchiverError {
  const said = stderr === '' ? 'it gave nothing' : stderr.replaceAll(/\s*\n\s*/g, '; ');
  const hint =
    part === 'public'
      ? 'Run as the user, and with the GNUPGHOME, that has the key; nothing is stored in clear meanwhile.'
      : 'Run as the user, and with the GNUPGHOME, that has the private key, and set WALG_PGP_KEY_PASSPHRASE if it has one.';
  return new ArchiverError(
    part === 'public' ? 'config' : 'forbidden',
    `gpg doesn't export the ${part} key "${keyId}": ${said}`,
    { hint },
  );
}
