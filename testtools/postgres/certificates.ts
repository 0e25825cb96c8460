/** Certificates for tests of TLS, made by the `openssl` program. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { giveToServer } from './server-user.ts';

/** Whether `openssl` is here. @throws Error under `CI=true` when it is not */
export function canMakeCertificates(): boolean {
  const found = spawnSync('openssl', ['version']).status === 0;
  if (!found && process.env['CI'] === 'true') throw new Error('openssl must be installed in CI');
  return found;
}

/** Makes a certificate for 127.0.0.1 that signs itself; both are PEM. */
export function selfSignedCertificate(folder: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(folder, 'self.key'), join(folder, 'self.crt')];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '9'];
  const about = ['-subj', '/CN=self', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...made, ...about], { stdio: ['ignore', 'ignore', 'pipe'] });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

/** An authority with what it has signed; all paths are files. */
export interface Certificates {
  readonly authority: string;
  /** For the user `postgres`. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** A list that revokes the server's certificate. */
  readonly revocations: string;
}

/** Makes an authority in a folder, which issues a certificate for `localhost` to the server with this data directory. */
export function issueCertificates(folder: string, dataDirectory: string): Certificates {
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  writeFileSync(
    file('ca.cnf'),
    '[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\ndefault_crl_days = 9\n',
  );
  writeFileSync(file('index'), '');
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=authority', '-days', '9');
  for (const [name, subject, alternative] of [
    ['server', '/CN=whatever', 'DNS:localhost'],
    ['client', '/CN=postgres', 'DNS:postgres'],
  ] as const) {
    writeFileSync(file(`${name}.ext`), `subjectAltName=${alternative}\n`);
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '9', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed);
    chmodSync(file(`${name}.key`), 0o600);
  }
  const authority = ['-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key'];
  openssl('ca', ...authority, '-revoke', 'server.crt');
  openssl('ca', ...authority, '-gencrl', '-out', 'ca.crl');
  for (const [name, target] of [
    ['server.crt', 'server.crt'],
    ['server.key', 'server.key'],
    ['ca.crt', 'root.crt'],
  ] as const) {
    const path = join(dataDirectory, target);
    copyFileSync(file(name), path);
    chmodSync(path, 0o600);
    giveToServer(path);
  }
  return {
    authority: file('ca.crt'),
    clientCertificate: file('client.crt'),
    clientKey: file('client.key'),
    revocations: file('ca.crl'),
  };
}
