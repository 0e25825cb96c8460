import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { gcsConfig, type GcsConfig } from '../../../../src/storage/gcs/config.ts';

function config(settings: Readonly<Record<string, string>>): GcsConfig {
  return gcsConfig(rawSettings({ WALG_GS_PREFIX: 'gs://bucket/a/b', ...settings }), { logger: silentLogger });
}

describe('the settings of Google Cloud Storage', () => {
  it('are few', () => {
    expect(config({})).toMatchObject({
      bucket: 'bucket',
      start: 'a/b/',
      location: 'gs://bucket/a/b',
      endpoint: 'https://storage.googleapis.com',
      authorized: true,
      customerKey: undefined,
      chunkBytes: 52_428_800,
      requestMs: 3_600_000,
      maxRetries: 16,
    });
  });

  it.each([
    ['gs://bucket', 'true', ''],
    ['gs://bucket/', 'false', ''],
    ['gs://bucket//a//b/', 'true', 'a/b/'],
    ['gs://bucket//a//b/', 'false', '/a//b/'],
    ['gs://bucket/a%20b', 'false', 'a b/'],
  ])('take the prefix %s, normalized: %s', (prefix, normalize, start) => {
    expect(config({ WALG_GS_PREFIX: prefix, WALG_GCS_NORMALIZE_PREFIX: normalize }).start).toBe(start);
  });

  it.each([
    ['1', 256 * 1024],
    ['600000', 512 * 1024],
    ['1048576', 1_048_576],
  ])('round a chunk size of %s to what Google takes', (text, bytes) => {
    expect(config({ GCS_MAX_CHUNK_SIZE: text }).chunkBytes).toBe(bytes);
  });

  it('name an emulator with or without a scheme, and send it no credentials', () => {
    for (const host of ['127.0.0.1:4443', 'http://127.0.0.1:4443/']) {
      expect(config({ STORAGE_EMULATOR_HOST: host })).toMatchObject({
        endpoint: 'http://127.0.0.1:4443',
        authorized: false,
      });
    }
    expect(config({ STORAGE_EMULATOR_HOST: 'http://gcs:4443' }).endpoint).toBe('http://gcs:4443');
    expect(config({ GCS_ENDPOINT: 'storage-x.p.googleapis.com' })).toMatchObject({
      endpoint: 'https://storage-x.p.googleapis.com',
      authorized: true,
    });
  });

  it('do not send secrets over a network in the open', () => {
    const key = Buffer.alloc(32).toString('base64');
    expect(() => config({ GCS_ENDPOINT: 'http://gcs:4443' })).toThrow('without encryption');
    expect(() => config({ STORAGE_EMULATOR_HOST: 'gcs:4443', GCS_ENCRYPTION_KEY: key })).toThrow('GCS_ENCRYPTION_KEY');
    expect(config({ GCS_ENDPOINT: 'http://localhost:4443' }).endpoint).toBe('http://localhost:4443');
  });

  it.each(['', 'x', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), '*'.repeat(44)])(
    'refuse the customer key "%s" without showing it',
    (text) => {
      const settings = { GCS_ENCRYPTION_KEY: text };
      if (text === '') expect(config(settings).customerKey).toBeUndefined();
      else
        expect(() => config(settings)).toThrow('invalid value of GCS_ENCRYPTION_KEY: ***; allowed: base64 of 32 bytes');
    },
  );

  it('make headers of a customer key', () => {
    expect(config({ WALE_GCS_ENCRYPTION_KEY: Buffer.alloc(32, 'k').toString('base64') }).customerKey).toEqual({
      key: 'a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=',
      sha256: 'XjGPjPnL4kmjCBK4yhMtaR3tepGZFBNVjbV1hXX14B8=',
    });
  });

  it.each(['ftp://host', 'http://user:secret@host', '://'])('refuse the endpoint %s without its password', (text) => {
    let message = '';
    try {
      config({ GCS_ENDPOINT: text });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('GCS_ENDPOINT');
    expect(message).not.toContain('secret');
  });
});
