/** Settings of Azure Blob Storage (section 4 of `storages.md` in the specification). */
import { integer, oneOf, path, text } from '../../config/parsers.ts';
import type { Parser } from '../../config/setting.ts';
import { optionalSpelled, spelled } from '../spelled-setting.ts';

const trimmed: Parser<string> = { ...text, parse: (value) => value.trim() };

/** Who we are to the storage: the first of key, signature, token that is set. */
export const azureCredentialSettings = {
  account: optionalSpelled('AZURE_STORAGE_ACCOUNT', trimmed, 'Storage account.'),
  accessKey: optionalSpelled('AZURE_STORAGE_ACCESS_KEY', trimmed, 'Key of the account. Chosen before all others.', {
    secret: true,
  }),
  sasToken: optionalSpelled(
    'AZURE_STORAGE_SAS_TOKEN',
    trimmed,
    'Shared access signature, with or without its question mark. It needs the permissions read, create, write, delete and list.',
    { secret: true },
  ),
  connectionString: optionalSpelled(
    'AZURE_STORAGE_CONNECTION_STRING',
    trimmed,
    'Account, key or signature and endpoint in one, as the portal shows it; only where AZURE_STORAGE_ACCOUNT is not set. (walvault only)',
    { secret: true },
  ),
  tenantId: optionalSpelled('AZURE_TENANT_ID', trimmed, 'Tenant of a service principal or workload identity.'),
  clientId: optionalSpelled(
    'AZURE_CLIENT_ID',
    trimmed,
    'Service principal, workload identity or user-assigned managed identity, where there is no key or signature.',
  ),
  clientSecret: optionalSpelled('AZURE_CLIENT_SECRET', trimmed, 'Secret of the service principal.', { secret: true }),
  clientCertificatePath: optionalSpelled(
    'AZURE_CLIENT_CERTIFICATE_PATH',
    path,
    'PEM file with certificate and key of the service principal, in the place of its secret.',
  ),
  federatedTokenFile: optionalSpelled(
    'AZURE_FEDERATED_TOKEN_FILE',
    path,
    'File with the token that a workload identity is known by.',
  ),
  authorityHost: optionalSpelled(
    'AZURE_AUTHORITY_HOST',
    trimmed,
    'Who issues tokens. Unset: that of AZURE_ENVIRONMENT_NAME.',
  ),
};

/** Where the storage is, and how it is spoken to. */
export const azureEndpointSettings = {
  environmentName: spelled(
    'AZURE_ENVIRONMENT_NAME',
    trimmed,
    'AzurePublicCloud',
    'Which cloud of Azure: AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud or AzureGermanCloud.',
  ),
  endpointSuffix: optionalSpelled(
    'AZURE_ENDPOINT_SUFFIX',
    trimmed,
    'What follows account and "blob." in the host. Unset: that of AZURE_ENVIRONMENT_NAME.',
  ),
  endpoint: optionalSpelled(
    'AZURE_ENDPOINT',
    trimmed,
    'URL of the blob service of the account, such as http://127.0.0.1:10000/devstoreaccount1. Unset: that of the account in Azure. (walvault only)',
  ),
  caFile: optionalSpelled(
    'AZURE_CA_CERT_FILE',
    path,
    'PEM file of the authorities that are trusted instead of those of the system. (walvault only)',
  ),
  apiVersion: spelled(
    'AZURE_BLOB_STORE_API_VERSION',
    trimmed,
    '2021-12-02',
    'Version of the protocol (the header x-ms-version), for Azure Stack and others that know only older ones.',
  ),
  tryTimeout: spelled(
    'AZURE_TRY_TIMEOUT',
    integer({ min: 1, max: 1_440 }),
    '5',
    'Longest wait for the answer to bytes that were sent; without bytes to send it is a minute at most.',
    { unit: 'min' },
  ),
};

/** How objects are written. */
export const azureUploadSettings = {
  bufferSize: spelled(
    'AZURE_BUFFER_SIZE',
    integer(),
    '8388608',
    'Size of the blocks of an upload, at least 1 MiB; less where WALG_MEMORY_LIMIT is tight, more for objects of more than 10,000 blocks. What is shorter goes by one request.',
    { unit: 'bytes' },
  ),
  blockMd5: spelled(
    'AZURE_BLOCK_MD5',
    oneOf('without_tls', 'always', 'never'),
    'without_tls',
    'When blocks are sent with an MD5 that Azure checks: with https the connection protects them already. Objects of one request always are. (walvault only)',
  ),
  maxBuffers: spelled('AZURE_MAX_BUFFERS', integer(), '4', 'Blocks of one object that are sent side by side.'),
};

/** All of them, for documentation and help. */
export const azureSettings = [azureCredentialSettings, azureEndpointSettings, azureUploadSettings];
