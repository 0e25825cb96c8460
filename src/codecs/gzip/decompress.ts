/** Reads gzip files (RFC 1952). */
import { constants, createGunzip } from 'node:zlib';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';
import { decode } from '../zlib-engine.ts';

/**
 * Decompresses all members of a file; zeros may follow the last one, as padding.
 *
 * Ends with CorruptError when it is malformed, cut short, followed by something else, or fails a checksum.
 */
export function decompressGzip(source: ByteSource): ByteSource {
  return decode(source, { format: 'gzip', open: createGunzip, finish: constants.Z_FINISH, rest: onlyZeros });
}

function onlyZeros(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw new CorruptError('gzip stream goes on after its end');
}
