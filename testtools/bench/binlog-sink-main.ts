/**
 * A bucket of S3 that is some way off, as a process of its own: every request takes so many milliseconds, and what is
 * uploaded is counted and forgotten but for its name, length and time.
 *
 *   binlog-sink-main MILLISECONDS
 *
 * Prints its URL. POST /reset forgets all.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const latencyMs = Number(process.argv[2] ?? 0);
const objects = new Map<string, { readonly bytes: number; readonly time: Date }>();

const server = createServer((request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => void answer());

  async function answer(): Promise<void> {
    await delay(latencyMs);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sink');
    const key = decodeURIComponent(pathname).replace(/^\/bucket\//, '');
    const known = objects.get(key);
    if (request.method === 'POST') objects.clear();
    if (request.method === 'GET' && searchParams.has('list-type')) {
      const text = listing(searchParams.get('prefix') ?? '');
      response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
    } else if (request.method === 'PUT') {
      objects.set(key, { bytes, time: new Date() });
      response.writeHead(200, { etag: '"1"' }).end();
    } else if (request.method === 'HEAD' && known !== undefined) {
      const headers = { 'content-length': known.bytes, 'last-modified': known.time.toUTCString(), etag: '"1"' };
      response.writeHead(200, headers).end();
    } else response.writeHead(request.method === 'POST' ? 200 : 404).end();
  }
});

function listing(prefix: string): string {
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  const entries = keys.map((key) => {
    const { bytes, time } = objects.get(key) ?? { bytes: 0, time: new Date(0) };
    return `<Contents><Key>${key}</Key><LastModified>${time.toISOString()}</LastModified><ETag>"1"</ETag><Size>${bytes}</Size></Contents>`;
  });
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListBucketResult>`;
}

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
