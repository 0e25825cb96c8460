/** From settings to a crypter. This version has none: what should be encrypted is refused, never stored in clear. */
import type { RawSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import type { Crypter } from './crypter.ts';
import { cryptoSettings } from './settings.ts';

/**
 * The crypter that the settings ask for; undefined when they ask for none.
 *
 * @throws ArchiverError (`config`) when they ask for one
 */
export function openCrypter(raw: RawSettings): Promise<Crypter | undefined> {
  const names = Object.values(cryptoSettings).flatMap(({ env, aliases }) => [env, ...aliases]);
  const asked = names.filter((name) => raw.get(name) !== undefined);
  if (asked.length === 0) return Promise.resolve(undefined);
  return Promise.reject(
    new ArchiverError('config', `${asked.join(', ')} is set, and this version neither encrypts nor decrypts`, {
      hint: 'Unset it to work with an archive that is not encrypted; nothing was read or written.',
    }),
  );
}
