import { describe, expect, it } from 'vitest';
import { parseConnectionString } from '../../../../src/storage/azure/connection-string.ts';

describe('connection strings of Azure', () => {
  it('hold account and key', () => {
    const text =
      'DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5a2V5a2U=;EndpointSuffix=core.chinacloudapi.cn;';
    expect(parseConnectionString(text)).toEqual({
      account: 'acc',
      accessKey: 'a2V5a2V5a2U=',
      sasToken: undefined,
      endpoint: 'https://acc.blob.core.chinacloudapi.cn',
    });
  });

  it('hold an endpoint and a signature, and the account in that endpoint', () => {
    const signature = 'sv=2022-11-02&ss=b&sig=ab%2Bc%3D';
    const text = `BlobEndpoint=https://acc.blob.core.windows.net/;SharedAccessSignature=${signature}`;
    expect(parseConnectionString(text)).toMatchObject({ account: 'acc', accessKey: undefined, sasToken: signature });
    expect(parseConnectionString(`BlobEndpoint=http://127.0.0.1:1/acc2;SharedAccessSignature=sig=x`).account).toBe(
      'acc2',
    );
  });

  it('know the emulator', () => {
    expect(parseConnectionString('UseDevelopmentStorage=true')).toMatchObject({
      account: 'devstoreaccount1',
      endpoint: 'http://127.0.0.1:10000/devstoreaccount1',
    });
  });

  it.each(['hello', 'AccountKey=secret', 'AccountName=;AccountKey=secret'])(
    'are refused without being shown',
    (text) => {
      expect(() => parseConnectionString(text)).toThrow(/^AZURE_STORAGE_CONNECTION_STRING is not a connection string/);
      expect(() => parseConnectionString(text)).not.toThrow(/secret|hello/);
    },
  );
});
