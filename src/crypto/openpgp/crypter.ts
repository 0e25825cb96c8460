/** OpenPGP. */
import type { RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Crypter } from '../crypter.ts';

/** Not there yet. */
export function openOpenPgpCrypter(_raw: RawSettings, _options: { readonly logger: Logger }): Promise<Crypter> {
  return Promise.reject(new ArchiverError('config', 'OpenPGP is not in this version'));
}
