/**
 * Tar headers, written: POSIX ustar, preceded by a PAX extended header for what doesn't fit
 * (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"). Reading is `parse.ts`.
 */

/** Kinds of members; `other` is anything that only some archiver knows. */
export type TarType =
  'file' | 'directory' | 'symlink' | 'hardlink' | 'character device' | 'block device' | 'fifo' | 'other';

/** What an archive says of a member. */
export interface TarHeader {
  /** As in the archive: with a leading or trailing slash if it is there. */
  readonly name: string;
  readonly type: TarType;
  /** Permission bits with setuid, setgid and sticky, no bits of the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content of a file; other members have none, whatever this says. */
  readonly sizeBytes: number;
  /** Whole seconds since 1970. */
  readonly mtimeSeconds: number;
  /** Target of a link, else empty. */
  readonly linkName: string;
  readonly userName: string;
  readonly groupName: string;
}

/** The header of a file that is nobody's in particular, readable by its owner only. */
export function ownFileHeader(name: string, sizeBytes: number, mtimeSeconds: number): TarHeader {
  const owner = { uid: 0, gid: 0, userName: '', groupName: '' };
  return { name, type: 'file', mode: 0o600, sizeBytes, mtimeSeconds, linkName: '', ...owner };
}

/** Archives are made of blocks of this size. */
export const tarBlockBytes = 512;

/** Type flags by kind of member. */
export const typeFlags: Readonly<Record<Exclude<TarType, 'other'>, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character device': '3',
  'block device': '4',
  directory: '5',
  fifo: '6',
};

/** Places and lengths of the fields of a ustar header. */
export const tarFields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeFlag: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  userName: [265, 32],
  groupName: [297, 32],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const;

type Field = (typeof tarFields)[keyof typeof tarFields];

/**
 * Encodes a header: one block, or, with a PAX extended header before it, three or more.
 *
 * @throws RangeError for a type `other`, a name with a NUL, or numbers that are negative or not whole
 */
export function encodeHeader(header: TarHeader): Buffer {
  const { type } = header;
  if (type === 'other') throw new RangeError('a tar member of type "other" can be read only');
  for (const text of [header.name, header.linkName, header.userName, header.groupName]) {
    if (text.includes('\0')) throw new RangeError('a tar header holds no NUL in names');
  }
  const sizeBytes = type === 'file' ? header.sizeBytes : 0;
  for (const number of [header.mode, header.uid, header.gid, sizeBytes]) {
    if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`not a number for a tar header: ${number}`);
  }
  if (!Number.isSafeInteger(header.mtimeSeconds)) throw new RangeError('a tar header has whole seconds');

  const extras = new Map<string, string>();
  const block = Buffer.alloc(tarBlockBytes);
  const text = (key: string, value: string, field: Field): void => {
    if (isAscii(value) && value.length <= field[1]) {
      block.write(value, field[0], 'latin1');
      return;
    }
    extras.set(key, value);
    block.write(asciiOf(value).slice(0, field[1]), field[0], 'latin1');
  };
  const number = (key: string, value: number, field: Field): void => {
    const fits = value >= 0 && value < 8 ** (field[1] - 1);
    if (!fits) extras.set(key, String(value));
    writeOctal(block, fits ? value : 0, field);
  };

  const split = splitName(header.name);
  if (split === undefined) text('path', header.name, tarFields.name);
  else {
    block.write(split.name, tarFields.name[0], 'latin1');
    block.write(split.prefix, tarFields.prefix[0], 'latin1');
  }
  writeOctal(block, header.mode & 0o7777, tarFields.mode);
  number('uid', header.uid, tarFields.uid);
  number('gid', header.gid, tarFields.gid);
  number('size', sizeBytes, tarFields.size);
  number('mtime', header.mtimeSeconds, tarFields.mtime);
  text('linkpath', header.linkName, tarFields.linkName);
  text('uname', header.userName, tarFields.userName);
  text('gname', header.groupName, tarFields.groupName);
  finish(block, typeFlags[type]);
  return extras.size === 0 ? block : Buffer.concat([encodeExtras(header.name, extras), block]);
}

/** Sum of the bytes of a header with spaces in place of the checksum. */
export function headerChecksum(block: Uint8Array): { readonly unsigned: number; readonly signed: number } {
  const [start, length] = tarFields.checksum;
  let unsigned = length * 0x20;
  let high = 0;
  for (let at = 0; at < tarBlockBytes; at += 1) {
    if (at === start) at += length;
    const byte = block[at] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

function encodeExtras(name: string, extras: ReadonlyMap<string, string>): Buffer {
  const body = Buffer.concat(
    [...extras].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => record(key, value)),
  );
  const block = Buffer.alloc(tarBlockBytes);
  const shown = `PaxHeaders.0/${asciiOf(name).split('/').filter(Boolean).at(-1) ?? ''}`;
  block.write(shown.slice(0, tarFields.name[1]), 'latin1');
  for (const field of [tarFields.mode, tarFields.uid, tarFields.gid, tarFields.mtime]) writeOctal(block, 0, field);
  writeOctal(block, body.length, tarFields.size);
  finish(block, 'x');
  return Buffer.concat([block, body, Buffer.alloc(paddingBytes(body.length))]);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function record(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** Zeros that follow content of this length. */
export function paddingBytes(sizeBytes: number): number {
  return (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes;
}

function finish(block: Buffer, typeFlag: string): void {
  block.write(typeFlag, tarFields.typeFlag[0], 'latin1');
  block.write('ustar\x0000', tarFields.magic[0], 'latin1');
  writeOctal(block, 0, tarFields.deviceMajor);
  writeOctal(block, 0, tarFields.deviceMinor);
  const sum = headerChecksum(block).unsigned;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, tarFields.checksum[0], 'latin1');
}

function writeOctal(block: Buffer, value: number, [start, length]: Field): void {
  block.write(value.toString(8).padStart(length - 1, '0'), start, 'latin1');
}

/** A long ASCII name cut at a slash into the two fields for it; undefined when it is short or can't be cut. */
function splitName(name: string): { readonly prefix: string; readonly name: string } | undefined {
  const [nameLength, prefixLength] = [tarFields.name[1], tarFields.prefix[1]];
  if (name.length <= nameLength || name.length > nameLength + prefixLength + 1 || !isAscii(name)) return undefined;
  // The last byte can't be the cut: the name field would be empty.
  const cut = name.lastIndexOf('/', Math.min(prefixLength, name.length - 2));
  if (cut <= 0 || name.length - cut - 1 > nameLength) return undefined;
  return { prefix: name.slice(0, cut), name: name.slice(cut + 1) };
}

function isAscii(text: string): boolean {
  return /^[\x01-\x7f]*$/.test(text);
}

function asciiOf(text: string): string {
  return text.replace(/[^\x01-\x7f]/gu, '');
}
