/**
 * Tokens that the key of a service account signs itself: no request for them is made, and no SDK is loaded. Google takes
 * them in the place of access tokens (AIP-4111).
 */
import { createPrivateKey, sign } from 'node:crypto';
import { ArchiverError } from '../../errors.ts';

/** What is used of the file that Google gives out for a service account. */
export interface ServiceAccount {
  readonly clientEmail: string;
  /** PEM. */
  readonly privateKey: string;
  readonly privateKeyId: string | undefined;
}

/** How long such a token is valid: the longest that is allowed. */
export const tokenSeconds = 3_600;

/** What the tokens are good for: objects. */
export const scope = 'https://www.googleapis.com/auth/devstorage.read_write';

/** Takes the file for one of a service account; undefined when it is of another kind. */
export function serviceAccountOf(content: Readonly<Record<string, unknown>>): ServiceAccount | undefined {
  const { type, client_email: email, private_key: key, private_key_id: id } = content;
  if (type !== 'service_account' || typeof email !== 'string' || typeof key !== 'string') return undefined;
  return { clientEmail: email, privateKey: key, privateKeyId: typeof id === 'string' ? id : undefined };
}

/**
 * A token that is valid from `now` on.
 *
 * @throws ArchiverError (`config`) when the key is none
 */
export function signedToken({ clientEmail, privateKey, privateKeyId }: ServiceAccount, now: Date): string {
  const issued = Math.floor(now.getTime() / 1_000);
  const header = { alg: 'RS256', typ: 'JWT', ...(privateKeyId !== undefined && { kid: privateKeyId }) };
  const claims = { iss: clientEmail, sub: clientEmail, scope, exp: issued + tokenSeconds, iat: issued };
  const content = `${encoded(header)}.${encoded(claims)}`;
  try {
    return `${content}.${sign('sha256', Buffer.from(content), createPrivateKey(privateKey)).toString('base64url')}`;
  } catch {
    // Without the cause, which may show parts of the key.
    throw new ArchiverError('config', 'the private key in GOOGLE_APPLICATION_CREDENTIALS cannot be used', {
      hint: 'Download the key of the service account again, as JSON.',
    });
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
