/** What protects a body on its way, and an object on the disks of the storage. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { emptyHash, unsignedPayload } from './sign.ts';
import type { S3Config } from './config.ts';

/** CRC-32 as S3 writes it: the four bytes in base64, the highest first. */
export function crc32Text(checksum: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(checksum);
  return bytes.toString('base64');
}

/** The CRC-32 of chunks in a row. */
export function crc32Of(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);
}

/** The headers that tell of a body's checksum: `x-amz-checksum-crc32`, `content-md5`. */
export function checksumHeaders(
  body: readonly Uint8Array[],
  kind: 'configured' | 'md5',
  { checksums }: Pick<S3Config, 'checksums'>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (checksums === 'when_supported') headers['x-amz-checksum-crc32'] = crc32Text(crc32Of(body));
  if (kind === 'md5') headers['content-md5'] = digest('md5', body, 'base64');
  return headers;
}

/** A body, and how it travels. */
export interface Payload {
  readonly body: readonly Uint8Array[] | undefined;
  readonly protocol: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What stands for the body in a signature: its SHA-256, unless a checksum protects it well enough on that way. */
export function payloadHash(
  { body, protocol, headers }: Payload,
  { payloadSigning }: Pick<S3Config, 'payloadSigning'>,
): string {
  if (body === undefined) return emptyHash;
  const hasChecksum = 'x-amz-checksum-crc32' in headers || 'content-md5' in headers;
  const suffices = payloadSigning === 'never' || (payloadSigning === 'without_tls' && protocol === 'https:');
  return hasChecksum && suffices ? unsignedPayload : digest('sha256', body, 'hex');
}

function digest(algorithm: string, chunks: readonly Uint8Array[], encoding: 'hex' | 'base64'): string {
  const hash = createHash(algorithm);
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest(encoding);
}
