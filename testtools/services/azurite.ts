/** Azurite, the Azure Blob server of the tests, from npm (`testtools/servers/azurite`). */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { freePort } from '../postgres/free-port.ts';
import { temporaryDirectory } from '../temp.ts';
import { startService } from './service-process.ts';

const folder = resolve(import.meta.dirname, '..', 'servers', 'azurite');
const program = join(folder, 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js');

/** Whether it is installed; in CI it must be. */
export function hasAzurite(): boolean {
  if (existsSync(program)) return true;
  if (process.env['CI'] === 'true') throw new Error(`CI needs Azurite: sh scripts/npm-packages.sh ${folder}`);
  return false;
}

/** A running server with one account; disposing it removes its data. */
export interface Azurite extends AsyncDisposable {
  /** URL of the blob service of the account, for `AZURE_ENDPOINT`. */
  readonly endpoint: string;
  readonly account: string;
  readonly accessKey: string;
  /** PEM of who signed its certificate, with `tls`. */
  readonly ca: { readonly path: string; readonly text: string } | undefined;
  /** The vendor's client, for what is not under test. */
  readonly service: BlobServiceClient;
  log(): string;
}

/** Starts one on a free port, which takes a second or two. With `tls` it takes tokens, too, whoever signed them. */
export async function startAzurite({ tls = false }: { readonly tls?: boolean } = {}): Promise<Azurite> {
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await temporaryDirectory());
  const port = await freePort();
  const account = 'walvault';
  const accessKey = Buffer.from('the key of an account of the tests').toString('base64');
  const certificate = tls ? madeCertificate(directory.path) : undefined;
  const server = cleanup.use(
    startService(
      process.execPath,
      [
        program,
        ...['--silent', '--disableTelemetry', '--skipApiVersionCheck'],
        ...['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', directory.path],
        ...(certificate === undefined
          ? []
          : ['--cert', certificate.path, '--key', certificate.keyPath, '--oauth', 'basic']),
      ],
      { environment: { AZURITE_ACCOUNTS: `${account}:${accessKey}`, HOME: directory.path }, cwd: directory.path },
    ),
  );
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/${account}`;
  await server.until(() => Promise.resolve(server.log().includes('successfully listens')));
  const credential = new StorageSharedKeyCredential(account, accessKey);
  const service = new BlobServiceClient(endpoint, credential, {
    retryOptions: { maxTries: 1 },
    ...(certificate !== undefined && { tlsOptions: { ca: certificate.text } }),
  });
  const owned = cleanup.move();
  return {
    ...{ endpoint, account, accessKey, ca: certificate, service },
    log: () => server.log(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function madeCertificate(directory: string) {
  const path = join(directory, 'certificate.pem');
  const keyPath = join(directory, 'key.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-out', path, '-keyout', keyPath],
    ],
    { stdio: 'ignore' },
  );
  return { path, keyPath, text: readFileSync(path, 'utf8') };
}
