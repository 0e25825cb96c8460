/** Headers that say how an object is to be kept. */
import { hash } from 'node:crypto';
import type { S3Config } from './config.ts';

/** Of whatever makes an object: PutObject, CreateMultipartUpload, CopyObject. The clock starts the lock. */
export function newObjectHeaders(config: S3Config, now = new Date()): Readonly<Record<string, string>> {
  const { storageClass, encryption, lock } = config.objects;
  return {
    'x-amz-storage-class': storageClass,
    ...(encryption !== undefined && { 'x-amz-server-side-encryption': encryption.algorithm }),
    ...(encryption?.kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': encryption.kmsKeyId }),
    ...(lock !== undefined && {
      'x-amz-object-lock-mode': lock.mode,
      'x-amz-object-lock-retain-until-date': new Date(now.getTime() + lock.seconds * 1_000).toISOString(),
    }),
    ...customerKeyHeaders(config),
  };
}

/** Of whatever touches the bytes of an object with a customer key; none without one. */
export function customerKeyHeaders(
  { objects: { customerKey } }: S3Config,
  start: 'x-amz-' | 'x-amz-copy-source-' = 'x-amz-',
): Readonly<Record<string, string>> {
  if (customerKey === undefined) return {};
  const { algorithm, key } = customerKey;
  return {
    [`${start}server-side-encryption-customer-algorithm`]: algorithm,
    [`${start}server-side-encryption-customer-key`]: key.toString('base64'),
    [`${start}server-side-encryption-customer-key-md5`]: hash('md5', key, 'base64'),
  };
}

/**
 * Metadata by which a writer knows its object again when the answer to its request got lost: a random word. Copies of the
 * object have it, too.
 */
export const makerHeader = 'x-amz-meta-walvault-write';
