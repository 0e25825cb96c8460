import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { azureConfig } from '../../../../src/storage/azure/config.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const key = Buffer.from('some key').toString('base64');

function config(settings: Readonly<Record<string, string>>, logger = recordingLogger()) {
  const base = { WALG_AZ_PREFIX: 'azure://box/a/b/', AZURE_STORAGE_ACCOUNT: 'acc', AZURE_STORAGE_ACCESS_KEY: key };
  return azureConfig(rawSettings({ ...base, ...settings }), { logger });
}

describe('the settings of Azure', () => {
  it('have the defaults of WAL-G', () => {
    expect(config({})).toMatchObject({
      container: 'box',
      prefix: 'a/b',
      location: 'azure://box/a/b',
      containerUrl: 'https://acc.blob.core.windows.net/box',
      credential: { kind: 'key', account: 'acc', key: Buffer.from('some key') },
      tryTimeoutMs: 300_000,
      blockBytes: 8_388_608,
      maxBlocks: 4,
    });
  });

  it.each([
    ['AzureUSGovernmentCloud', 'core.usgovcloudapi.net', 'https://login.microsoftonline.us'],
    ['AzureChinaCloud', 'core.chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
    ['AzureGermanCloud', 'core.cloudapi.de', 'https://login.microsoftonline.de'],
  ])('find the hosts of %s', (name, suffix, authorityHost) => {
    const settings = { AZURE_ENVIRONMENT_NAME: name, AZURE_STORAGE_ACCESS_KEY: '' };
    expect(config(settings)).toMatchObject({
      containerUrl: `https://acc.blob.${suffix}/box`,
      credential: { kind: 'token', identity: { authorityHost } },
    });
  });

  it('take an unknown cloud for the public one, and say so', () => {
    const logger = recordingLogger();
    const made = config({ AZURE_ENVIRONMENT_NAME: 'AzureMoon' }, logger);
    expect(made.containerUrl).toBe('https://acc.blob.core.windows.net/box');
    expect(logger.records).toHaveLength(1);
  });

  it('let the suffix and the endpoint be given', () => {
    expect(config({ WALG_AZURE_ENDPOINT_SUFFIX: 'stack.local' }).containerUrl).toBe('https://acc.blob.stack.local/box');
    expect(config({ AZURE_ENDPOINT: 'http://127.0.0.1:1/acc/' }).containerUrl).toBe('http://127.0.0.1:1/acc/box');
    expect(config({ AZURE_ENDPOINT: 'blobs.example.com' }).containerUrl).toBe('https://blobs.example.com/box');
  });

  it('prefer the key, then the signature, then an identity', () => {
    const sas = { AZURE_STORAGE_SAS_TOKEN: '?sv=1&sig=abc' };
    expect(config(sas).credential.kind).toBe('key');
    expect(config({ ...sas, AZURE_STORAGE_ACCESS_KEY: '' }).credential).toEqual({
      kind: 'signature',
      text: 'sv=1&sig=abc',
    });
    const identity = { AZURE_STORAGE_ACCESS_KEY: '', AZURE_CLIENT_ID: 'id', WALE_AZURE_TENANT_ID: 'tenant' };
    expect(config(identity).credential).toMatchObject({
      kind: 'token',
      identity: { clientId: 'id', tenantId: 'tenant', clientSecret: undefined },
    });
  });

  it('use a connection string where no account is named', () => {
    const connection = `AccountName=other;AccountKey=${key}`;
    const settings = { AZURE_STORAGE_CONNECTION_STRING: connection };
    expect(config(settings).containerUrl).toBe('https://acc.blob.core.windows.net/box');
    const only = { ...settings, AZURE_STORAGE_ACCOUNT: '', AZURE_STORAGE_ACCESS_KEY: '' };
    expect(config(only)).toMatchObject({
      containerUrl: 'https://other.blob.core.windows.net/box',
      credential: { kind: 'key', account: 'other' },
    });
  });

  it('raise sizes and numbers that are too small', () => {
    expect(config({ AZURE_BUFFER_SIZE: '10', AZURE_MAX_BUFFERS: '0' })).toMatchObject({
      blockBytes: 1_048_576,
      maxBlocks: 1,
    });
    expect(config({ AZURE_BUFFER_SIZE: '67108864' }).blockBytes).toBe(67_108_864);
  });

  it.each([
    ['AZURE_STORAGE_ACCOUNT', { AZURE_STORAGE_ACCOUNT: '' }],
    ['AZURE_STORAGE_ACCESS_KEY', { AZURE_STORAGE_ACCESS_KEY: 'DefaultEndpointsProtocol=https;secret' }],
    ['AZURE_STORAGE_SAS_TOKEN', { AZURE_STORAGE_ACCESS_KEY: '', AZURE_STORAGE_SAS_TOKEN: 'secret' }],
    ['endpoint', { AZURE_ENDPOINT: 'https://x/?sv=1&sig=secret' }],
    ['endpoint', { AZURE_ENDPOINT: 'ftp://x/' }],
    ['AZURE_CA_CERT_FILE', { AZURE_CA_CERT_FILE: '/nowhere/ca.pem' }],
    ['AZURE_TRY_TIMEOUT', { AZURE_TRY_TIMEOUT: '5m' }],
    ['WALG_AZ_PREFIX', { WALG_AZ_PREFIX: 'azure://' }],
  ])('name %s when it cannot be used, and keep secrets', (name, settings) => {
    let error: unknown;
    try {
      config(settings);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ kind: 'config' });
    const { message, hint } = error as { message: string; hint: string };
    expect(`${message} ${hint}`).toContain(name);
    expect(`${message} ${hint}`).not.toContain('secret');
  });
});
