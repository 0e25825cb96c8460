/** From settings to the storage. */
import { integer } from '../../config/parsers.ts';
import { readSetting, type RawSettings } from '../../config/setting.ts';
import type { OpenStorageOptions } from '../open.ts';
import { spelled } from '../spelled-setting.ts';
import { openUploadBuffers } from '../upload-buffers.ts';
import { openS3Requests } from './open-requests.ts';
import { S3Storage } from './s3-storage.ts';

/** The same variable as that of all uploads, which this storage takes for the parts of one object, too. */
const concurrencySetting = spelled(
  'UPLOAD_CONCURRENCY',
  integer({ min: 1, max: 10_000 }),
  '16',
  'Parts of one object uploaded at once.',
);

/**
 * Opens the storage that `WALG_S3_PREFIX` names. No request is made, unless `S3_SKIP_VALIDATION` is false.
 *
 * @throws ArchiverError (`config`) naming the setting that cannot be used; whatever the validation meets
 */
export async function openS3Storage(raw: RawSettings, options: OpenStorageOptions): Promise<S3Storage> {
  const requests = await openS3Requests(raw, options);
  const { buffers = openUploadBuffers(raw), logger, clock } = options;
  const concurrency = readSetting(concurrencySetting, raw);
  const storage = new S3Storage({ requests, buffers, concurrency, logger, ...(clock !== undefined && { clock }) });
  if (requests.config.objects.validate) {
    try {
      const { checkListing } = await import('./listing.ts');
      await checkListing(requests);
    } catch (error) {
      await storage[Symbol.asyncDispose]();
      throw error;
    }
  }
  return storage;
}
