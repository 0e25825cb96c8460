/** Where the keys come from: a setting, a file, or GnuPG. */
import { readFileSync } from 'node:fs';
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { openPgpSettings } from '../settings.ts';
import { openGpgKeySource } from './gpg-key-source.ts';
import { checkMaterial, type KeyMaterial } from './keys.ts';

/** Gives keys; they are not parsed here. */
export interface KeySource {
  /** For encryption; may be public keys only. */
  publicKeys(): Promise<KeyMaterial>;
  /** The same from their origin, where `publicKeys` may have been kept from earlier; undefined: it never is. */
  readonly freshPublicKeys: (() => Promise<KeyMaterial>) | undefined;
  /** For decryption. */
  privateKeys(): Promise<KeyMaterial>;
}

/** What sources need. */
export interface KeySourceOptions {
  readonly logger: Logger;
  /** Home directory of the user database. */
  readonly home: string;
}

/**
 * The source that the settings name. Settings and files are read now, GnuPG is asked when keys are needed.
 *
 * @throws ArchiverError (`config`, `missing`) when there is nothing that could be a key
 */
export function openKeySource(raw: RawSettings, options: KeySourceOptions): KeySource {
  const { key, keyPath, gpgKeyId, passphrase } = readSettings(openPgpSettings, raw);
  if (key !== undefined) return given({ origin: 'WALG_PGP_KEY', bytes: Buffer.from(key.replaceAll('\\n', '\n')) });
  if (keyPath !== undefined) return given(readKeyFile(keyPath));
  return openGpgKeySource({ ...options, keyId: gpgKeyId ?? '', passphrase, environment: raw.toEnvironment() });
}

function given(material: KeyMaterial): KeySource {
  checkMaterial(material);
  const keys = (): Promise<KeyMaterial> => Promise.resolve(material);
  return { publicKeys: keys, freshPublicKeys: undefined, privateKeys: keys };
}

function readKeyFile(path: string): KeyMaterial {
  try {
    return { origin: `the file "${path}" (WALG_PGP_KEY_PATH)`, bytes: readFileSync(path) };
  } catch (cause) {
    const hint = 'Correct WALG_PGP_KEY_PATH, or let this user read the file; nothing is stored in clear meanwhile.';
    const kind = codeOf(cause) === 'ENOENT' ? 'missing' : 'config';
    throw new ArchiverError(kind, `cannot read the OpenPGP key file "${path}": ${messageOf(cause)}`, { cause, hint });
  }
}
