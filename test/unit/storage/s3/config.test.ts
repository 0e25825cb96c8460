import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { s3Config, type S3Config } from '../../../../src/storage/s3/config.ts';
import { newObjectHeaders } from '../../../../src/storage/s3/object-headers.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const logger = recordingLogger();

function configOf(settings: Readonly<Record<string, string>>): Promise<S3Config> {
  return s3Config(rawSettings({ WALG_S3_PREFIX: 's3://bucket/a/b', ...settings }), { logger });
}

describe('the settings of S3', () => {
  it('have the defaults of WAL-G', async () => {
    expect(await configOf({})).toMatchObject({
      bucket: 'bucket',
      prefix: 'a/b',
      location: 's3://bucket/a/b',
      endpoint: undefined,
      region: undefined,
      pathStyle: false,
      maxRetries: 15,
      minThrottlingDelayMs: 500,
      maxThrottlingDelayMs: 300_000,
      objects: { storageClass: 'STANDARD', partBytes: 20_971_520, deleteBatch: 1_000, validate: false, listV1: false },
    });
  });

  it.each(['', 'WALG_', 'WALE_'])('are read under the names that begin with %j', async (start) => {
    const config = await configOf({ [`${start}S3_STORAGE_CLASS`]: 'GLACIER', [`${start}AWS_REGION`]: 'r' });
    expect(config).toMatchObject({ region: 'r', objects: { storageClass: 'GLACIER' } });
  });

  it('take the region of the environment, ask only AWS for it, and take us-east-1 elsewhere', async () => {
    expect((await configOf({ AWS_REGION: 'a', AWS_DEFAULT_REGION: 'b' })).region).toBe('a');
    expect((await configOf({ AWS_DEFAULT_REGION: 'b' })).region).toBe('b');
    expect((await configOf({ AWS_ENDPOINT: 'https://s3.eu-west-1.amazonaws.com' })).region).toBeUndefined();
    expect((await configOf({ AWS_ENDPOINT: 'http://minio:9000' })).region).toBe('us-east-1');
  });

  it('know the endpoint by several names', async () => {
    for (const name of ['AWS_ENDPOINT', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL', 'WALG_AWS_ENDPOINT']) {
      expect((await configOf({ [name]: 'https://s3.example.com/?x#y' })).endpoint?.href).toBe(
        'https://s3.example.com/',
      );
    }
    const first = { AWS_ENDPOINT: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b', AWS_ENDPOINT_URL: 'http://c' };
    expect((await configOf(first)).endpoint?.hostname).toBe('a');
  });

  it('take the bucket that Tigris names where there is no prefix', async () => {
    const raw = rawSettings({ BUCKET_NAME: 'mine', AWS_ENDPOINT_URL_S3: 'https://fly.storage.tigris.dev' });
    expect(await s3Config(raw, { logger })).toMatchObject({ bucket: 'mine', prefix: '', location: 's3://mine' });
  });

  it('take slashes in a row for one, and say so', async () => {
    const config = await configOf({ WALG_S3_PREFIX: 's3://bucket/a//b/' });
    expect(config.prefix).toBe('a/b');
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('give headers as a map or a list, as JSON or YAML', async () => {
    for (const text of ['{"X-One": "1", "X-Two": "2"}', '[{"X-One": "1"}, {"X-Two": "2"}]', 'X-One: 1\nX-Two: 2']) {
      const { additionalHeaders } = await configOf({ S3_REQUEST_ADDITIONAL_HEADERS: text });
      expect(additionalHeaders).toEqual({ 'x-one': '1', 'x-two': '2' });
    }
  });

  it('trust the authorities of a file', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'ca.pem');
    writeFileSync(path, 'PEM');
    expect((await configOf({ AWS_CA_BUNDLE: path })).ca).toBe('PEM');
    expect((await configOf({ S3_CA_CERT_FILE: path, AWS_CA_BUNDLE: '/none' })).ca).toBe('PEM');
  });

  it('use the customer key only with S3_SSE, as WAL-G does', async () => {
    const key = 'ä'.repeat(16);
    expect((await configOf({ S3_SSE_C: key })).objects.customerKey).toBeUndefined();
    const config = await configOf({ S3_SSE_C: key, S3_SSE: 'AES256' });
    const headers = newObjectHeaders(config);
    expect(headers['x-amz-server-side-encryption-customer-key']).toBe(Buffer.from(key).toString('base64'));
    expect(headers).not.toHaveProperty('x-amz-server-side-encryption');
  });

  it.each([
    ['WALG_S3_PREFIX', 'bucket/path'],
    ['WALG_S3_PREFIX', 's3://bucket/../x'],
    ['WALG_S3_PREFIX', 's3://name--usw2-az1--x-s3/x'],
    ['AWS_ENDPOINT', 'ftp://host'],
    ['AWS_ENDPOINT', 'https://user:hunter2@host'],
    ['AWS_ENDPOINT', 'http://'],
    ['S3_SSE', 'DES'],
    ['S3_SSE', 'aws:kms'],
    ['S3_SSE_KMS_ID', 'key'],
    ['S3_MAX_PART_SIZE', '5242879'],
    ['S3_CA_CERT_FILE', '/none/ca.pem'],
    ['S3_ENDPOINT_SOURCE', 'balancer'],
    ['S3_REQUEST_ADDITIONAL_HEADERS', '"hunter2"'],
    ['S3_REQUEST_ADDITIONAL_HEADERS', '{"bad name": "hunter2"}'],
    ['S3_REQUEST_ADDITIONAL_HEADERS', '{"a": {"b": "hunter2"}}'],
    ['S3_REQUEST_ADDITIONAL_HEADERS', '{"a": "x\\r\\nhunter2: y"}'],
    ['S3_REQUEST_ADDITIONAL_HEADERS', '{hunter2'],
    ['AWS_S3_FORCE_PATH_STYLE', 'yes'],
  ])('refuse %s=%s', async (name, value) => {
    const error: unknown = await configOf({ [name]: value }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: value.includes('..') ? 'usage' : 'config' });
    expect(String(error)).not.toContain('hunter2');
  });

  it('refuse a customer key of another length, and one that the network would see', async () => {
    await expect(configOf({ S3_SSE: 'AES256', S3_SSE_C: 'short' })).rejects.toThrow(/5 bytes/);
    const readable = { S3_SSE: 'AES256', S3_SSE_C: 'k'.repeat(32), AWS_ENDPOINT: 'http://minio:9000' };
    await expect(configOf(readable)).rejects.toThrow(/without encryption/);
  });
});
