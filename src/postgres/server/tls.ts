/** How a connection is encrypted: libpq's sslmode and the files that belong to it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { messageOf } from '../../errors.ts';
import { isSocket } from './endpoints.ts';
import type { Endpoint } from './endpoints.ts';
import { ConnectionParameterError } from './errors.ts';
import type { Keyword, Parameters } from './parameters.ts';

/** One way to connect: in clear, or with these options. */
export type Encryption = false | ConnectionOptions;

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/**
 * The ways to try at one place, in this order: one, or for `prefer` and `allow` two.
 *
 * @param home where `.postgresql` is
 * @throws ConnectionParameterError when a file is missing or cannot be read
 */
export function listEncryptions(
  parameters: Parameters,
  endpoint: Endpoint,
  home: string | undefined,
): readonly Encryption[] {
  const required = parameters.word('requiressl', ['0', '1']) === '1' ? 'require' : 'prefer';
  const mode = parameters.word('sslmode', modes) ?? required;
  if (mode === 'disable' || isSocket(endpoint)) return [false];
  const verified = verification(mode, parameters, home);
  const options: ConnectionOptions = {
    ...verified,
    ...clientCertificate(parameters, home),
    ...protocolVersions(parameters),
    // Against an address, certificates are checked for the name that was given for it.
    ...(endpoint.address === undefined || isIP(endpoint.host) !== 0 ? {} : { servername: endpoint.host }),
  };
  if (mode === 'prefer') return [options, false];
  if (mode === 'allow') return [false, options];
  return [options];
}

function verification(
  mode: (typeof modes)[number],
  parameters: Parameters,
  home: string | undefined,
): ConnectionOptions {
  const named = parameters.get('sslrootcert');
  if (named === 'system') {
    if (mode !== 'verify-full') {
      throw new ConnectionParameterError(
        'certificates of well-known authorities prove nothing without the name of the host',
        'Set PGSSLMODE=verify-full, or PGSSLROOTCERT to the file of your own authority.',
      );
    }
    return { rejectUnauthorized: true, ca: [...rootCertificates] };
  }
  const file = named ?? defaultFile(home, 'root.crt');
  const exists = file !== undefined && existsSync(file);
  const verifies = mode === 'verify-ca' || mode === 'verify-full';
  // libpq verifies with "require" too when it finds the certificates.
  if (!verifies && !(mode === 'require' && exists)) return { rejectUnauthorized: false };
  if (file === undefined || !exists) {
    throw new ConnectionParameterError(
      `no file with the authorities to trust: "${file ?? '~/.postgresql/root.crt'}"`,
      'Set PGSSLROOTCERT to the file with the certificate of the authority, or PGSSLMODE=require to trust any server.',
    );
  }
  const crl = parameters.get('sslcrl') ?? existing(defaultFile(home, 'root.crl'));
  return {
    rejectUnauthorized: true,
    ca: readNamed('sslrootcert', file),
    ...(crl === undefined ? {} : { crl: readNamed('sslcrl', crl) }),
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

function clientCertificate(parameters: Parameters, home: string | undefined): ConnectionOptions {
  const certificate = parameters.get('sslcert') ?? existing(defaultFile(home, 'postgresql.crt'));
  if (certificate === undefined) return {};
  const key = parameters.get('sslkey') ?? defaultFile(home, 'postgresql.key');
  if (key === undefined) {
    throw new ConnectionParameterError('the client certificate has no key', 'Set PGSSLKEY to the file with its key.');
  }
  const text = readNamed('sslkey', key);
  const status = statSync(key);
  const forbidden = status.uid === 0 ? 0o037 : 0o077;
  if ((status.mode & forbidden) !== 0) {
    throw new ConnectionParameterError(
      `group or others may read the key of the client certificate: "${key}"`,
      `Run chmod 0600 on it.`,
    );
  }
  return { cert: readNamed('sslcert', certificate), key: text };
}

function protocolVersions(parameters: Parameters): ConnectionOptions {
  const maxVersion = parameters.word('ssl_max_protocol_version', versions);
  return {
    minVersion: parameters.word('ssl_min_protocol_version', versions) ?? 'TLSv1.2',
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}

function readNamed(keyword: Keyword, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConnectionParameterError(
      `cannot read the file of ${keyword}: ${messageOf(cause)}`,
      `Correct PG${keyword.toUpperCase()}, or make the file readable.`,
      cause,
    );
  }
}

function defaultFile(home: string | undefined, name: string): string | undefined {
  return home === undefined ? undefined : join(home, '.postgresql', name);
}

function existing(file: string | undefined): string | undefined {
  return file !== undefined && existsSync(file) ? file : undefined;
}
