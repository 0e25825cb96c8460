/** Objects as the JSON interface describes them. */
import type { Key, ObjectInfo } from '../storage.ts';

/** What is used of the description of an object. Numbers of 64 bits are texts. */
export interface GcsObject {
  readonly name: string;
  readonly size: string;
  readonly generation: string;
  /** RFC 3339. */
  readonly timeCreated: string;
  readonly updated: string;
  /** Base64 of the four bytes, the highest first. */
  readonly crc32c: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The fields of it that are asked for. */
export const infoFields = 'name,size,timeCreated,updated';

/**
 * What is told of an object. The time is that at which it was written: the one of its last change moves when a rule of the
 * bucket gives the object another storage class, and would then mix up the order of backups.
 */
export function infoOf(key: Key, { size, timeCreated, updated }: Partial<GcsObject>): ObjectInfo {
  return { kind: 'object', key, sizeBytes: Number(size ?? 0), modified: new Date(timeCreated ?? updated ?? 0) };
}

/** A CRC-32C as Google writes it. */
export function crc32cText(checksum: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(checksum);
  return bytes.toString('base64');
}

/** Whether an object has the length and checksum of what was sent, as far as its description tells them. */
export function isAsSent(
  { size, crc32c }: Partial<GcsObject>,
  sent: { readonly totalBytes: number; readonly crc32c: number },
): boolean {
  return Number(size) === sent.totalBytes && (crc32c === undefined || crc32c === crc32cText(sent.crc32c));
}
