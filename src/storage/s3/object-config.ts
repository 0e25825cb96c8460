/** What new objects are to be like, from the settings. */
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { s3CredentialSettings, s3ObjectSettings } from './settings.ts';
import { readSetting } from '../../config/setting.ts';

/** How objects are written and looked for. */
export interface S3ObjectConfig {
  readonly storageClass: string;
  readonly encryption: { readonly algorithm: 'AES256' | 'aws:kms'; readonly kmsKeyId: string | undefined } | undefined;
  /** A key of the customer's, which every request about an object must give. */
  readonly customerKey: { readonly algorithm: string; readonly key: Buffer } | undefined;
  /** How long new objects can't be deleted. */
  readonly lock: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly seconds: number } | undefined;
  /** As set: at least 5 MiB. */
  readonly partBytes: number;
  /** How often a download goes on that came no further. */
  readonly downloadRetries: number;
  readonly listV1: boolean;
  /** Undefined: the bucket is to be asked. */
  readonly versioning: boolean | undefined;
  /** 1 … 1000. */
  readonly deleteBatch: number;
  readonly validate: boolean;
  readonly yandexSessionToken: boolean;
}

const leastPartBytes = 5 * 1024 * 1024;

/** Reads them. @throws ArchiverError (`config`) naming the setting */
export function objectConfig(raw: RawSettings): S3ObjectConfig {
  const given = readSettings(s3ObjectSettings, raw);
  const { encryption: algorithm, kmsKeyId, customerKey } = given;
  if ((algorithm === 'aws:kms') !== (kmsKeyId !== undefined)) {
    throw new ArchiverError('config', 'S3_SSE_KMS_ID belongs to S3_SSE=aws:kms, and only one of them is set', {
      hint: 'Set both, or remove S3_SSE_KMS_ID.',
    });
  }
  if (given.maxPartSize < leastPartBytes) {
    throw new ArchiverError('config', `S3_MAX_PART_SIZE is ${given.maxPartSize}, and parts have at least 5 MiB`, {
      hint: `Set it to ${leastPartBytes} or more.`,
    });
  }
  // Without S3_SSE, WAL-G does not use the customer key.
  const withKey = algorithm !== undefined && customerKey !== undefined;
  return {
    storageClass: given.storageClass,
    encryption: algorithm === undefined || withKey ? undefined : { algorithm, kmsKeyId },
    customerKey: withKey ? { algorithm, key: keyBytes(customerKey) } : undefined,
    lock: given.retentionSeconds < 0 ? undefined : { mode: given.retentionMode, seconds: given.retentionSeconds },
    partBytes: given.maxPartSize,
    downloadRetries: given.rangeMaxRetries,
    listV1: given.useListV1,
    versioning: given.versioning === undefined ? undefined : given.versioning === 'enabled',
    deleteBatch: given.deleteBatchSize > 0 ? given.deleteBatchSize : 1_000,
    validate: !given.skipValidation,
    yandexSessionToken: readSetting(s3CredentialSettings.yandexSessionToken, raw),
  };
}

function keyBytes(text: string): Buffer {
  const key = Buffer.from(text, 'utf8');
  if (key.length === 32) return key;
  throw new ArchiverError('config', `S3_SSE_C has ${key.length} bytes instead of 32`, {
    hint: 'Give the key itself, 32 characters, neither in base64 nor in hex.',
  });
}
