/** MinIO over TLS, with a key for encryption by the server: the most faithful of the S3 servers that can be had. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openS3Requests } from '../../src/storage/s3/open-requests.ts';
import { namespace } from '../../src/storage/s3/multipart.ts';
import type { S3Request } from '../../src/storage/s3/request.ts';
import { freePort } from '../postgres/free-port.ts';
import { temporaryDirectory } from '../temp.ts';
import { goProgram } from './go-program.ts';
import { startService } from './service-process.ts';

/** Whether it was built. */
export function hasMinio(): boolean {
  return goProgram('minio') !== undefined;
}

/** A running server; disposing it removes its data. */
export interface Minio extends AsyncDisposable {
  /** The settings of a storage, without its prefix. */
  readonly settings: Readonly<Record<string, string>>;
  /** Id of the key for `S3_SSE_KMS_ID`. */
  readonly kmsKey: string;
  makeBucket(name: string, options?: { readonly lock?: boolean }): Promise<void>;
  keepVersions(bucket: string): Promise<void>;
  log(): string;
}

/** Starts one. */
export async function startMinio(): Promise<Minio> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await temporaryDirectory()).path;
  const [port, consolePort] = [await freePort(), await freePort()];
  const certificates = join(folder, 'certificates');
  mkdirSync(certificates);
  makeCertificate(certificates);
  const [user, password, kmsKey] = ['walvault', 'walvault-secret', 'walvault-key'];
  const service = cleanup.use(
    startService(
      goProgram('minio') ?? 'minio',
      [
        ...['server', '--quiet', '--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${consolePort}`],
        ...['--certs-dir', certificates, join(folder, 'data')],
      ],
      {
        cwd: folder,
        environment: {
          HOME: folder,
          MINIO_ROOT_USER: user,
          MINIO_ROOT_PASSWORD: password,
          MINIO_KMS_SECRET_KEY: `${kmsKey}:${randomBytes(32).toString('base64')}`,
          MINIO_UPDATE: 'off',
        },
      },
    ),
  );
  const settings = {
    AWS_ENDPOINT: `https://127.0.0.1:${port}`,
    AWS_S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: user,
    AWS_SECRET_ACCESS_KEY: password,
    S3_CA_CERT_FILE: join(certificates, 'public.crt'),
  };
  const put = async (bucket: string, request: Partial<S3Request>): Promise<void> => {
    const raw = rawSettings({ ...settings, WALG_S3_PREFIX: `s3://${bucket}/`, S3_MAX_RETRIES: '0' });
    await using requests = await openS3Requests(raw, { logger: silentLogger });
    await (await requests.send({ action: 'set up the bucket', method: 'PUT', ...request })).discard();
  };
  // It refuses for a while after it began to listen.
  await service.until(async () => {
    await put('ready', {});
    return true;
  });
  const owned = cleanup.move();
  return {
    settings,
    kmsKey,
    makeBucket: (name, { lock = false } = {}) =>
      put(name, lock ? { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } } : {}),
    keepVersions: (bucket) =>
      put(bucket, {
        query: { versioning: '' },
        body: [Buffer.from(`<VersioningConfiguration${namespace}><Status>Enabled</Status></VersioningConfiguration>`)],
      }),
    log: () => service.log(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** MinIO's own names for the files. */
function makeCertificate(folder: string): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-out', join(folder, 'public.crt'), '-keyout', join(folder, 'private.key')],
    ],
    { stdio: 'ignore' },
  );
}
