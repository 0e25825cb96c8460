/** Data keys from AWS KMS. */
import type { RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { Crypter } from '../crypter.ts';

/** Not there yet. */
export function openAwsKmsCrypter(_raw: RawSettings): Promise<Crypter> {
  return Promise.reject(new ArchiverError('config', 'AWS KMS is not in this version'));
}
