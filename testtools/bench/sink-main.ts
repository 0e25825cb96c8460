/**
 * A server that takes whatever is uploaded, as a process of its own, so that clients alone are measured:
 *
 *   sink-main s3 [CERTIFICATE KEY]     as a bucket of S3 answers; keeps nothing
 *   sink-main gcs                      the stand-in for Google Cloud Storage
 *
 * Prints its URL.
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { startGcsStandIn } from '../services/gcs-stand-in.ts';

const [kind, certificate, key] = process.argv.slice(2);

const takesAll: RequestListener = (request, response) => {
  request.resume();
  request.on('end', () => {
    const query = new URL(request.url ?? '/', 'http://sink').searchParams;
    const body =
      request.method !== 'POST'
        ? ''
        : query.has('uploads')
          ? '<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>'
          : '<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>';
    response.writeHead(200, { etag: '"1"', 'content-length': body.length }).end(body);
  });
};

async function start(): Promise<string> {
  if (kind === 'gcs') return (await startGcsStandIn()).url;
  const isTls = certificate !== undefined && key !== undefined;
  const server = isTls
    ? createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, takesAll)
    : createServer(takesAll);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `${isTls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

process.stdout.write(`${await start()}\n`);
