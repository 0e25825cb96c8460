/** Reads gzip files (RFC 1952). */
import { createGunzip } from 'node:zlib';
import { gatherChunks } from '../../bytes/gather.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { corruptWhenDamaged, throughZlib } from '../zlib-stream.ts';

const outputBytes = 256 << 10;

/**
 * Decompresses all members of a file; zeros may follow the last one, as padding.
 *
 * Ends with CorruptError when it is malformed, cut short, followed by something else, or fails a checksum.
 */
export function decompressGzip(source: ByteSource): ByteSource {
  return corruptWhenDamaged(
    'gzip',
    throughZlib(() => createGunzip({ chunkSize: outputBytes }), gatherChunks(source), { rest: onlyZeros }),
  );
}

function onlyZeros(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw new CorruptError('gzip stream goes on after its end');
}
