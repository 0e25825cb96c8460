/** Tokens of Microsoft Entra ID: of service principals, workloads, managed identities, or who is logged in to the CLI. */
import type { TokenCredential } from '@azure/identity';
import { ArchiverError, messageOf } from '../../errors.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import type { AzureIdentity } from './config.ts';

/** A token for the header `authorization`. */
export interface AzureToken {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresOnTimestamp: number;
}

/** Asks for a token. */
export type AskForToken = () => Promise<AzureToken>;

const scope = 'https://storage.azure.com/.default';
const deadlineMs = 60_000;

/** Makes ready to ask for tokens; loads the packages for it at the first. */
export function tokensOf(identity: AzureIdentity): AskForToken {
  let credential: ReturnType<typeof credentialOf> | undefined;
  return async () => {
    const late = AbortSignal.timeout(deadlineMs);
    try {
      const token = await Promise.race([
        (credential ??= credentialOf(identity)).then((opened) => opened.getToken(scope, { abortSignal: late })),
        aborted(late),
      ]);
      if (token === null) throw new ArchiverError('config', 'no identity of Azure was found', { hint: unsetHint });
      return token;
    } catch (error) {
      throw late.aborted
        ? new StorageUnavailableError(`no token of Azure within ${deadlineMs / 1000} s`, { repeated: true })
        : told(error, identity);
    }
  };
}

async function credentialOf(identity: AzureIdentity): Promise<TokenCredential> {
  const azure = await import('@azure/identity');
  const {
    tenantId,
    clientId,
    clientSecret,
    clientCertificatePath,
    federatedTokenFile,
    authorityHost,
    isCustomAuthority,
  } = identity;
  // Whoever asks for a storage repeats that by itself.
  const options = { authorityHost, disableInstanceDiscovery: isCustomAuthority, retryOptions: { maxRetries: 1 } };
  if (tenantId !== undefined && clientId !== undefined) {
    if (clientSecret !== undefined) return new azure.ClientSecretCredential(tenantId, clientId, clientSecret, options);
    if (clientCertificatePath !== undefined) {
      return new azure.ClientCertificateCredential(tenantId, clientId, clientCertificatePath, options);
    }
    if (federatedTokenFile !== undefined) {
      const workload = { tenantId, clientId, tokenFilePath: federatedTokenFile, ...options };
      return new azure.WorkloadIdentityCredential(workload);
    }
  }
  const managed =
    clientId === undefined
      ? new azure.ManagedIdentityCredential({ authorityHost })
      : new azure.ManagedIdentityCredential({ clientId, authorityHost });
  return new azure.ChainedTokenCredential(managed, new azure.AzureCliCredential());
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

/** Without its cause: that holds the request, and with it what is secret. */
function told(error: unknown, { tenantId, clientId }: AzureIdentity): unknown {
  if (error instanceof ArchiverError) return error;
  const message = messageOf(error).replace(/\s+/g, ' ').slice(0, 500);
  const name = error instanceof Error ? error.name : '';
  if (name === 'AuthenticationError') {
    return new StorageForbiddenError(`Azure gives no token: ${message}`, { hint: refusedHint });
  }
  const isNamed = tenantId !== undefined && clientId !== undefined;
  if (!isNamed && /CredentialUnavailable|AggregateAuthentication/.test(name)) {
    return new ArchiverError('config', `no identity of Azure was found: ${message}`, { hint: unsetHint });
  }
  return new StorageUnavailableError(`cannot ask for a token of Azure: ${message}`, {
    hint: isNamed ? unreachableHint : undefined,
  });
}

const unsetHint =
  'Set AZURE_STORAGE_ACCESS_KEY or AZURE_STORAGE_SAS_TOKEN; or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; or run where there is a managed identity.';
const refusedHint =
  'Check AZURE_TENANT_ID, AZURE_CLIENT_ID and the secret, certificate or token file that goes with them.';
const unreachableHint =
  'Check AZURE_TENANT_ID and AZURE_AUTHORITY_HOST, and whether that host can be reached from here.';
