/** The first event of a binary log, which tells how to read the others. */
import { crc32OfRange } from '../../../bytes/crc32.ts';
import { CorruptError } from '../../../errors.ts';
import { checksumBytes, flagsAt, headerBytes, inUseFlag, type FormatDescription } from './event.ts';

/** Up to the length of an event's header: version, server version, time, that length. */
const fixedBytes = 2 + 50 + 4 + 1;

/** Servers that know of no checksums know of no more types of events. */
const mostOldTypes = 30;

/**
 * Reads a FORMAT_DESCRIPTION event and checks its sum.
 *
 * @param event all of it, header and checksum included
 * @param where for errors: `"mysql-bin.000001"`
 * @throws CorruptError
 */
export function readFormatDescription(event: Uint8Array, where: string): FormatDescription {
  const view = new DataView(event.buffer, event.byteOffset, event.length);
  if (event.length < headerBytes + fixedBytes) throw new CorruptError(`${where} has too short a format description`);
  const version = view.getUint16(headerBytes, true);
  const ofHeader = view.getUint8(headerBytes + fixedBytes - 1);
  if (version !== 4 || ofHeader !== headerBytes) {
    throw new CorruptError(`${where} is a binary log of version ${version}, headers of ${ofHeader} bytes`, {
      hint: 'Only version 4 can be read, which MySQL writes since 5.0 and MariaDB always.',
    });
  }
  const text = Buffer.from(event.buffer, event.byteOffset + headerBytes + 2, 50).toString('latin1');
  const serverVersion = text.slice(0, `${text}\0`.indexOf('\0'));
  const tells = tellsChecksums(serverVersion);
  if (!tells && event.length > headerBytes + fixedBytes + mostOldTypes) {
    throw new CorruptError(`the format description of ${where} names a server version that cannot be`);
  }
  const algorithm = tells ? event[event.length - checksumBytes - 1] : 0;
  if (algorithm !== 0 && algorithm !== 1) throw new CorruptError(`${where} has checksums of an unknown kind`);
  if (algorithm === 1) checkSum(event, view, where);
  return {
    serverVersion,
    created: view.getUint32(headerBytes + 52, true),
    hasChecksums: algorithm === 1,
    isInUse: (view.getUint16(flagsAt, true) & inUseFlag) !== 0,
  };
}

/** The sum is that of a file that nobody has open. */
function checkSum(event: Uint8Array, view: DataView, where: string): void {
  const closed = Uint8Array.from(event);
  closed[flagsAt] = (closed[flagsAt] ?? 0) & ~inUseFlag;
  const end = event.length - checksumBytes;
  if (crc32OfRange(closed, { start: 0, end }) === view.getUint32(end, true)) return;
  throw new CorruptError(`the format description of ${where} fails its checksum`);
}

/** Servers older than MySQL 5.6.1 and MariaDB 5.3 know of no checksums. */
function tellsChecksums(serverVersion: string): boolean {
  const [major = 0, minor = 0, patch = 0] = (/^\d+\.\d+\.\d+/.exec(serverVersion)?.[0] ?? '').split('.').map(Number);
  const number = major * 10_000 + minor * 100 + patch;
  return number >= (serverVersion.includes('MariaDB') ? 50_300 : 50_601);
}
