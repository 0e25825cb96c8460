/** How a connection is encrypted: the ssl-mode of the connection string and `WALG_MYSQL_SSL_CA`. */
import { readFileSync } from 'node:fs';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Datasource } from './datasource.ts';
import { DatasourceError } from './errors.ts';

/** One way to connect: in clear, or with these options of TLS. */
export type Encryption = false | EncryptionOptions;

/** What of the server's certificate is checked. */
export interface EncryptionOptions {
  /** Whether one of the authorities has signed it. */
  readonly rejectUnauthorized: boolean;
  /** Whether it is that of the host that was asked for. */
  readonly verifyIdentity: boolean;
  /** PEM; undefined: those that Node knows. */
  readonly ca?: string;
}

/**
 * Joins what the settings say: authorities set beside the connection string ask for TLS with the server's name checked.
 *
 * @param settingCa path of `WALG_MYSQL_SSL_CA`
 * @param text the connection string, to see whether it speaks of TLS itself
 * @throws DatasourceError when the two contradict each other
 */
export function withAuthorities(datasource: Datasource, settingCa: string | undefined, text: string): Datasource {
  if (settingCa === undefined) return datasource;
  const query = text.slice(text.lastIndexOf('/'));
  if (/[?&]tls=/.test(query)) {
    throw new DatasourceError('it has the parameter tls, and WALG_MYSQL_SSL_CA is set: only one of them can be obeyed');
  }
  if (!/[?&]ssl[-_]?mode=/i.test(query)) return { ...datasource, sslMode: 'VERIFY_IDENTITY', sslCa: settingCa };
  if (datasource.sslMode === 'DISABLED' || datasource.sslMode === 'PREFERRED') {
    throw new DatasourceError(`ssl-mode is ${datasource.sslMode}, and WALG_MYSQL_SSL_CA is set`);
  }
  return { ...datasource, sslCa: settingCa };
}

/** The ways to try, in this order. A socket needs none. @throws ArchiverError (`config`) for an unusable file */
export function encryptionsOf({ address, sslMode, sslCa }: Datasource): readonly Encryption[] {
  if (address.kind === 'socket') return [false];
  const ca = sslCa === undefined ? {} : { ca: readAuthorities(sslCa) };
  const unverified = { rejectUnauthorized: false, verifyIdentity: false };
  switch (sslMode) {
    case 'DISABLED':
      return [false];
    case 'PREFERRED':
      return [unverified, false];
    case 'REQUIRED':
      // As MySQL's own programs do, authorities that were named are minded.
      return [sslCa === undefined ? unverified : { ...unverified, ...ca, rejectUnauthorized: true }];
    case 'VERIFY_CA':
      return [{ ...ca, rejectUnauthorized: true, verifyIdentity: false }];
    case 'VERIFY_IDENTITY':
      return [{ ...ca, rejectUnauthorized: true, verifyIdentity: true }];
  }
}

function readAuthorities(path: string): string {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the certificate authorities in "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Set WALG_MYSQL_SSL_CA, or ssl-ca of the connection string, to a PEM file that walvault may read.',
    });
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new ArchiverError('config', `there is no certificate in "${path}"`, {
      hint: 'WALG_MYSQL_SSL_CA is a PEM file with the certificates of authorities.',
    });
  }
  return pem;
}
