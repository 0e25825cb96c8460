/** Uploads by the storages, against the uploader that each vendor has, on servers of this machine. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasAzurite, startAzurite } from '../services/azurite.ts';
import { hasSshd, startSshd } from '../services/sshd.ts';
import { hasSwift, startSwift } from '../services/swift.ts';
import { buildProgram } from './build-program.ts';
import type { BenchCluster } from './cluster.ts';
import { benchWalToS3 } from './wal-s3.ts';
import { atLeast, atMost, print, root } from './report.ts';
import type { Upload } from './upload-main.ts';

type Environment = Readonly<Record<string, string>>;

const rounds = 5;
/** Of one upload to S3; the other servers keep what they get. */
const megabytes = 2_000;
const keptMegabytes = 500;

/** One who uploads. */
interface Uploader {
  readonly name: string;
  /** See `upload-main.ts`. */
  readonly way: string;
  readonly environment: Environment;
}

/** An HTTP server that takes everything, as a process of its own. */
interface Sink extends AsyncDisposable {
  readonly url: string;
}

/** Starts one; arguments as for `sink-main.ts`. */
async function startSink(...args: readonly string[]): Promise<Sink> {
  const main = join(programFolder, 'sink-main.mjs');
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    url: line.toString().trim(),
    [Symbol.asyncDispose]() {
      process.off('exit', kill);
      kill();
      return Promise.resolve();
    },
  };
}

/** All storages whose servers are installed. */
export async function benchStorages(cluster: BenchCluster): Promise<void> {
  await buildProgram('upload-main', programFolder);
  await buildProgram('sink-main', programFolder);
  await benchS3(cluster);
  await benchOthers();
}

const programFolder = join(root, '.cache', 'bench-storages');

async function benchS3(cluster: BenchCluster): Promise<void> {
  const folder = join(cluster.folder, 'work', 'storages');
  mkdirSync(folder, { recursive: true });
  const [certificate, key] = madeCertificate(folder);
  await using plain = await startSink('s3');
  await using tls = await startSink('s3', certificate, key);
  const bucket = (url: string): Environment => ({
    WALG_S3_PREFIX: 's3://bucket/bench',
    AWS_ENDPOINT: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
  });
  const http = bucket(plain.url);
  const https = { ...bucket(tls.url), AWS_CA_BUNDLE: certificate, NODE_EXTRA_CA_CERTS: certificate };
  const uploaders: readonly Uploader[] = [
    { name: 'walvault, http', way: 'walvault', environment: http },
    { name: 'lib-storage, http', way: 'lib-storage', environment: http },
    {
      name: 'walvault, http, S3_PAYLOAD_SIGNING=never',
      way: 'walvault',
      environment: { ...http, S3_PAYLOAD_SIGNING: 'never' },
    },
    { name: 'walvault, https', way: 'walvault', environment: https },
    { name: 'lib-storage, https', way: 'lib-storage', environment: https },
  ];
  const results = await compareUploads(uploaders, megabytes);
  print(uploadTable(`Upload of ${megabytes / 1_000} GB to S3, a stream of unknown length`, uploaders, results));
  const [ours, theirs, , oursTls, theirsTls] = results;
  atLeast('S3 over http: bytes per CPU second against lib-storage', ratio(ours, theirs), 1.5);
  atLeast('S3 over https: bytes per CPU second against lib-storage', ratio(oursTls, theirsTls), 1.5);
  atMost('S3 over http: peak memory against lib-storage', peak(ours) / peak(theirs), 1);
  atMost('S3 over https: peak memory against lib-storage', peak(oursTls) / peak(theirsTls), 1);
  const both = await uploadOnce({ name: '', way: 'walvault', environment: https }, 1_000, 2);
  atMost('S3: peak memory of 2 streams of 1 GB side by side, https, MB', both.peakBytes / 1e6, 300);
  benchWalToS3(cluster, http);
}

async function benchOthers(): Promise<void> {
  if (hasAzurite()) {
    // By https as it is used; by http the blocks have an MD5 that uploadStream does without.
    await using azurite = await startAzurite({ tls: true });
    await azurite.service.createContainer('bench');
    await benchPair('Azure (Azurite, https)', 'azure', 'uploadStream', {
      WALG_AZ_PREFIX: 'azure://bench/db',
      AZURE_STORAGE_ACCOUNT: azurite.account,
      AZURE_STORAGE_ACCESS_KEY: azurite.accessKey,
      AZURE_ENDPOINT: azurite.endpoint,
      NODE_EXTRA_CA_CERTS: azurite.ca?.path ?? '',
    });
  }
  {
    await using google = await startSink('gcs');
    await benchPair('Google Cloud Storage (stand-in)', 'gcs', 'createWriteStream', {
      WALG_GS_PREFIX: 'gs://archive/db',
      STORAGE_EMULATOR_HOST: google.url,
    });
  }
  if (hasSshd()) {
    await using sshd = await startSshd();
    await benchPair('SFTP (OpenSSH)', 'ssh2', 'createWriteStream of ssh2', {
      WALG_SSH_PREFIX: `ssh://${sshd.host}${sshd.data}`,
      SSH_PORT: String(sshd.port),
      SSH_USERNAME: sshd.username,
      SSH_PRIVATE_KEY_PATH: sshd.keyPath,
      WALG_SSH_KNOWN_HOSTS: sshd.knownHosts,
      BENCH_FOLDER: sshd.data,
    });
  }
  if (hasSwift()) {
    await using swift = await startSwift();
    const environment = { ST_AUTH: swift.authUrl, ST_USER: swift.user, ST_KEY: swift.key };
    await makeContainer(environment);
    const uploader = {
      name: 'walvault',
      way: 'walvault',
      environment: { ...environment, WALG_SWIFT_PREFIX: 'swift://bench/db' },
    };
    const results = await compareUploads([uploader], keptMegabytes);
    print(
      uploadTable(`Upload of ${keptMegabytes} MB to Swift (its vendor has no client for Node)`, [uploader], results),
    );
  }
}

async function makeContainer({ ST_AUTH: url = '', ST_USER: user = '', ST_KEY: key = '' }: Environment): Promise<void> {
  const login = await fetch(url, { headers: { 'x-auth-user': user, 'x-auth-key': key } });
  const [account, token] = [login.headers.get('x-storage-url') ?? '', login.headers.get('x-auth-token') ?? ''];
  const made = await fetch(`${account}/bench`, { method: 'PUT', headers: { 'x-auth-token': token } });
  if (!made.ok) throw new Error(`cannot make a container: ${made.status}`);
}

async function benchPair(storage: string, way: string, theirs: string, environment: Environment): Promise<void> {
  const uploaders = [
    { name: 'walvault', way: 'walvault', environment },
    { name: theirs, way, environment },
  ];
  const results = await compareUploads(uploaders, keptMegabytes);
  print(uploadTable(`Upload of ${keptMegabytes} MB to ${storage}`, uploaders, results));
  atLeast(`${storage}: bytes per CPU second against ${theirs}`, ratio(results[0], results[1]), 1);
}

/** Medians, of uploaders that take turns. */
async function compareUploads(uploaders: readonly Uploader[], size: number): Promise<readonly Upload[]> {
  const runs = uploaders.map((): Upload[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, uploader] of uploaders.entries()) runs[index]?.push(await uploadOnce(uploader, size, 1));
  }
  return runs.map((own) => ({
    megabytes: size,
    wallSeconds: median(own.map((run) => run.wallSeconds)),
    cpuSeconds: median(own.map((run) => run.cpuSeconds)),
    peakBytes: Math.max(...own.map((run) => run.peakBytes)),
  }));
}

async function uploadOnce({ way, environment }: Uploader, size: number, streams: number): Promise<Upload> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-semi-space-size=4', join(programFolder, 'upload-main.mjs'), way, String(size), String(streams)],
    { env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...environment } },
  );
  return JSON.parse(stdout) as Upload;
}

function uploadTable(title: string, uploaders: readonly Uploader[], results: readonly Upload[]): string {
  const rows = results.map(({ megabytes: size, wallSeconds, cpuSeconds, peakBytes }, index) => {
    const cells = [
      uploaders[index]?.name ?? '',
      (size / cpuSeconds).toFixed(0),
      cpuSeconds.toFixed(2),
      wallSeconds.toFixed(2),
      (peakBytes / 1e6).toFixed(0),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [`\n### ${title}`, '', '| | MB per CPU s | CPU s | wall s | peak MB |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

function ratio(ours: Upload | undefined, theirs: Upload | undefined): number {
  return (theirs?.cpuSeconds ?? Number.NaN) / (ours?.cpuSeconds ?? Number.NaN);
}

function peak(upload: Upload | undefined): number {
  return upload?.peakBytes ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function madeCertificate(folder: string): readonly [certificate: string, key: string] {
  const [path, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-out', path, '-keyout', key], { stdio: 'ignore' });
  return [path, key];
}
