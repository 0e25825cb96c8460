/** Streams of libsodium. */
import type { RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { Crypter } from '../crypter.ts';

/** Not there yet. */
export function openLibsodiumCrypter(_raw: RawSettings): Promise<Crypter> {
  return Promise.reject(new ArchiverError('config', 'libsodium is not in this version'));
}
