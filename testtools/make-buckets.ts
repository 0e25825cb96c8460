/**
 * Makes what the servers of `docker/compose.yaml` don't make by themselves: a bucket or container "archive" in each of them
 * that runs. `docker compose run --rm buckets` runs it, and so does any Node of version 24: `node testtools/make-buckets.ts`.
 */
import { createHash, createHmac } from 'node:crypto';

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** PUT without a body to S3, signed by version 4. */
function putToS3(url: string, accessKey: string, secretKey: string): Promise<Response> {
  const { host, pathname } = new URL(url);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/us-east-1/s3/aws4_request`;
  const hash = sha256('');
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const headers = `host:${host}\nx-amz-content-sha256:${hash}\nx-amz-date:${time}\n`;
  const request = sha256(`PUT\n${pathname}\n\n${headers}\n${names}\n${hash}`);
  const key = ['us-east-1', 's3', 'aws4_request'].reduce(hmac, hmac(`AWS4${secretKey}`, day));
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${request}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return fetch(url, { method: 'PUT', headers: { authorization, 'x-amz-content-sha256': hash, 'x-amz-date': time } });
}

/** Azurite's account, which is the same everywhere. */
function putToAzurite(): Promise<Response> {
  const account = 'devstoreaccount1';
  const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
  const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2021-12-02' };
  const signed = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const text = `PUT${'\n'.repeat(12)}${signed.join('')}/${account}/${account}/archive\nrestype:container`;
  const signature = hmac(Buffer.from(key, 'base64'), text).toString('base64');
  return fetch(`http://127.0.0.1:10000/${account}/archive?restype=container`, {
    method: 'PUT',
    headers: { ...headers, authorization: `SharedKey ${account}:${signature}` },
  });
}

async function putToSwift(): Promise<Response> {
  const login = await fetch('http://127.0.0.1:8080/auth/v1.0', {
    headers: { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' },
  });
  const url = login.headers.get('x-storage-url') ?? '';
  return fetch(`${url}/archive`, {
    method: 'PUT',
    headers: { 'x-auth-token': login.headers.get('x-auth-token') ?? '' },
  });
}

function postToGcs(): Promise<Response> {
  return fetch('http://127.0.0.1:4443/storage/v1/b?project=test', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'archive' }),
  });
}

const servers: Readonly<Record<string, () => Promise<Response>>> = {
  minio: () => putToS3('http://127.0.0.1:9000/archive', 'walvault', 'walvault-secret'),
  'fake-gcs-server': postToGcs,
  azurite: putToAzurite,
  swift: putToSwift,
};

for (const [name, make] of Object.entries(servers)) {
  try {
    const { status } = await make();
    const isThere = status < 300 || status === 409;
    console.log(`${name}: ${isThere ? '"archive" is there' : `status ${status}`}`);
  } catch {
    console.log(`${name}: not running`);
  }
}
