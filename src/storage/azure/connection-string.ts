/** Connection strings of Azure Storage: `AccountName=a;AccountKey=…;EndpointSuffix=core.windows.net`. */
import { ArchiverError } from '../../errors.ts';

/** What a connection string says. */
export interface AzureConnection {
  readonly account: string;
  readonly accessKey: string | undefined;
  readonly sasToken: string | undefined;
  /** URL of the blob service. */
  readonly endpoint: string;
}

/** The account that every emulator has; its key is public. */
const developmentAccount: AzureConnection = {
  account: 'devstoreaccount1',
  accessKey: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
  sasToken: undefined,
  endpoint: 'http://127.0.0.1:10000/devstoreaccount1',
};

/**
 * Takes a connection string apart.
 *
 * @throws ArchiverError (`config`), without the string: it holds a key
 * @see https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
 */
export function parseConnectionString(text: string): AzureConnection {
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    // Keys end with equals signs.
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(part) ?? [];
    if (name === undefined || value === undefined) throw malformed('a part of it has no equals sign');
    parts.set(name.trim().toLowerCase(), value.trim());
  }
  if (parts.get('usedevelopmentstorage')?.toLowerCase() === 'true') return developmentAccount;
  const given = parts.get('blobendpoint');
  const account = parts.get('accountname') ?? accountIn(given);
  if (account === undefined || account === '') throw malformed('it names no account');
  const scheme = parts.get('defaultendpointsprotocol') ?? 'https';
  const suffix = parts.get('endpointsuffix') ?? 'core.windows.net';
  return {
    account,
    accessKey: parts.get('accountkey'),
    sasToken: parts.get('sharedaccesssignature'),
    endpoint: given ?? `${scheme}://${account}.blob.${suffix}`,
  };
}

/** Connection strings with a signature need not name the account: it is in the host, or for an address in the path. */
function accountIn(endpoint: string | undefined): string | undefined {
  const url = endpoint === undefined ? null : URL.parse(endpoint);
  if (url === null) return undefined;
  const first = url.pathname.split('/')[1];
  return first === undefined || first === '' ? url.hostname.split('.')[0] : first;
}

function malformed(reason: string): ArchiverError {
  return new ArchiverError('config', `AZURE_STORAGE_CONNECTION_STRING is not a connection string: ${reason}`, {
    hint: 'Copy it from the access keys of the storage account, in quotes if a shell reads it: it contains semicolons.',
  });
}
