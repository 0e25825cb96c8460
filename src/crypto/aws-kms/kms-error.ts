/** Errors of AWS KMS in our own words. */
import { ArchiverError, CorruptError, messageOf, type ErrorKind } from '../../errors.ts';

const kinds = new Map<string, ErrorKind>([
  ...[
    'AccessDeniedException',
    'DisabledException',
    'ExpiredTokenException',
    'IncompleteSignature',
    'IncorrectKeyException',
    'InvalidClientTokenId',
    'InvalidGrantTokenException',
    'InvalidSignatureException',
    'KMSInvalidStateException',
    'MissingAuthenticationTokenException',
    'NotAuthorized',
    'OptInRequired',
    'SignatureDoesNotMatch',
    'UnrecognizedClientException',
  ].map((name) => [name, 'forbidden'] as const),
  ...['CredentialsProviderError', 'InvalidKeyUsageException', 'NotFoundException', 'ValidationException'].map(
    (name) => [name, 'config'] as const,
  ),
]);

const hints: Readonly<Partial<Record<ErrorKind, string>>> = {
  forbidden: 'Let these AWS credentials call kms:Encrypt and kms:Decrypt with the key, and check that it is enabled.',
  config: 'Check WALG_CSE_KMS_ID, WALG_CSE_KMS_REGION and the AWS credentials of the environment.',
  unavailable: 'Check the network between here and AWS KMS, then run the command again.',
};

/**
 * What went wrong, without the error of the library as its cause: that one holds the request, and with it the data key.
 *
 * @param doing such as `AWS KMS cannot encrypt a data key`
 */
export function kmsError(error: unknown, doing: string): ArchiverError {
  const name = error instanceof Error ? error.name : 'Error';
  // Only its first line: AWS tells what it got signed, a session token among it, in the others.
  const message = (messageOf(error).split('\n')[0] ?? '').slice(0, 300);
  if (name === 'InvalidCiphertextException') {
    return new CorruptError(`${doing}: the object does not begin with one that AWS KMS encrypted`, {
      hint: 'The object is damaged, or was not encrypted with AWS KMS, or in another region or account.',
    });
  }
  const kind = kinds.get(name) ?? (/^region is missing/i.test(message) ? 'config' : 'unavailable');
  return new ArchiverError(kind, `${doing}: ${name === 'Error' ? '' : `${name}: `}${message}`, { hint: hints[kind] });
}
