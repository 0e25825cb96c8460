/**
 * Uploads streams of unknown length and tells what that took, without the start of the process:
 *
 *   upload-main WAY MEGABYTES STREAMS
 *
 * WAY is `walvault` (the storage that the settings in the environment name) or that of a vendor. Prints JSON.
 */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import type { ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';

/** What an upload took. */
export interface Upload {
  readonly megabytes: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the process, its start included. */
  readonly peakBytes: number;
}

type Uploads = (name: string, megabytes: number) => Promise<void>;

const environment = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
);
const settings = (name: string): string => environment[name] ?? '';
// As codecs give them.
const chunk = randomBytes(128 * 1024);
const chunksOf = (megabytes: number): number => (megabytes * 1_000_000) / chunk.length;

async function* lent(megabytes: number): ByteSource {
  for (let index = 0; index < chunksOf(megabytes); index += 1) yield await Promise.resolve(chunk);
}

function readable(megabytes: number): Readable {
  let left = chunksOf(megabytes);
  return new Readable({
    read() {
      left -= 1;
      this.push(left < 0 ? null : chunk);
    },
  });
}

const ways: Readonly<Record<string, () => Promise<Uploads>>> = {
  async walvault() {
    const { openStorage } = await import('../../src/storage/open.ts');
    const storage = await openStorage(rawSettings(environment), { logger: silentLogger });
    return (name, megabytes) => storage.write(name, lent(megabytes));
  },
  async 'lib-storage'() {
    const { S3Client } = await import('@aws-sdk/client-s3');
    const { Upload: SdkUpload } = await import('@aws-sdk/lib-storage');
    const client = new S3Client({
      endpoint: settings('AWS_ENDPOINT'),
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
      logger: silentLogger,
    });
    return async (name, megabytes) => {
      await new SdkUpload({ client, params: { Bucket: 'bucket', Key: name, Body: readable(megabytes) } }).done();
    };
  },
  async azure() {
    const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
    const credential = new StorageSharedKeyCredential(
      settings('AZURE_STORAGE_ACCOUNT'),
      settings('AZURE_STORAGE_ACCESS_KEY'),
    );
    const container = new BlobServiceClient(settings('AZURE_ENDPOINT'), credential).getContainerClient('bench');
    return async (name, megabytes) => {
      await container.getBlockBlobClient(name).uploadStream(readable(megabytes));
    };
  },
  async gcs() {
    const { Storage: Google } = await import('@google-cloud/storage');
    const bucket = new Google({ apiEndpoint: settings('STORAGE_EMULATOR_HOST'), projectId: 'bench' }).bucket('archive');
    const { pipeline } = await import('node:stream/promises');
    return async (name, megabytes) => {
      await pipeline(readable(megabytes), bucket.file(name).createWriteStream({ resumable: true }));
    };
  },
  async ssh2() {
    const { default: ssh2 } = await import('ssh2');
    const { readFileSync } = await import('node:fs');
    const { pipeline } = await import('node:stream/promises');
    const client = new ssh2.Client();
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
      client
        .on('ready', () => {
          client.sftp((error, opened) => {
            if (error === undefined) resolve(opened);
            else reject(error);
          });
        })
        .on('error', reject)
        .connect({
          host: '127.0.0.1',
          port: Number(settings('SSH_PORT')),
          username: settings('SSH_USERNAME'),
          privateKey: readFileSync(settings('SSH_PRIVATE_KEY_PATH')),
        });
    });
    return async (name, megabytes) => {
      await pipeline(readable(megabytes), sftp.createWriteStream(`${settings('BENCH_FOLDER')}/${name}`));
    };
  },
};

const [way = '', megabytes = '', streams = ''] = process.argv.slice(2);
const open = ways[way];
if (open === undefined) throw new Error(`no such way: "${way}"`);
const upload = await open();
// What is compiled and loaded on first use belongs to the start.
await upload('warm-up', 30);
const began = performance.now();
const before = process.cpuUsage();
await Promise.all(Array.from({ length: Number(streams) }, (_, index) => upload(`object-${index}`, Number(megabytes))));
const { user, system } = process.cpuUsage(before);
const result: Upload = {
  megabytes: Number(megabytes) * Number(streams),
  wallSeconds: (performance.now() - began) / 1_000,
  cpuSeconds: (user + system) / 1_000_000,
  peakBytes: process.resourceUsage().maxRSS * 1_024,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
