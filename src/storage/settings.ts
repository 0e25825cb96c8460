/** Where objects are kept. */
import { path, text } from '../config/parsers.ts';
import { optionalSetting } from '../config/setting.ts';

const later = 'Not in this version: setting it ends the run.';

/** The prefix of each storage, in the order in which the first one set is chosen, and what goes below it. */
export const storageSettings = {
  ossPrefix: optionalSetting('WALG_OSS_PREFIX', text, `Alibaba OSS: oss://bucket/path. ${later}`, {
    aliases: ['WALE_OSS_PREFIX'],
  }),
  s3Prefix: optionalSetting(
    'WALG_S3_PREFIX',
    text,
    'S3 and compatibles: s3://bucket/path. Unset, with BUCKET_NAME and AWS_ENDPOINT_URL_S3 set: that bucket.',
    {
      aliases: ['WALE_S3_PREFIX'],
    },
  ),
  filePrefix: optionalSetting(
    'WALG_FILE_PREFIX',
    path,
    'The directory that holds the archive: an absolute path that exists. Also the form file://localhost/path.',
    { aliases: ['WALE_FILE_PREFIX'] },
  ),
  gsPrefix: optionalSetting('WALG_GS_PREFIX', text, 'Google Cloud Storage: gs://bucket/path.', {
    aliases: ['WALE_GS_PREFIX'],
  }),
  azPrefix: optionalSetting('WALG_AZ_PREFIX', text, 'Azure Blob Storage: azure://container/path.', {
    aliases: ['WALE_AZ_PREFIX'],
  }),
  swiftPrefix: optionalSetting('WALG_SWIFT_PREFIX', text, 'OpenStack Swift: swift://container/path.', {
    aliases: ['WALE_SWIFT_PREFIX'],
  }),
  sshPrefix: optionalSetting('WALG_SSH_PREFIX', text, 'SFTP: ssh://host/path; the path is absolute on the server.', {
    aliases: ['WALE_SSH_PREFIX'],
  }),
  storagePrefix: optionalSetting(
    'WALG_STORAGE_PREFIX',
    text,
    'A folder below the prefix of the storage; everything is kept in it.',
  ),
};
