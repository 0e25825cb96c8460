/** Tar headers, read: ustar, old (V7), GNU and PAX. Fields are as untrusted as the archive; nothing is allocated by them. */
import { CorruptError } from '../errors.ts';
import { headerChecksum, tarBlockBytes, tarFields, typeFlags, type TarHeader, type TarType } from './header.ts';

/** What PAX and GNU records say of the member that follows them. */
export type TarExtras = ReadonlyMap<string, string>;

/** One header block, of a member or of records about the next one. */
export interface HeaderBlock {
  readonly header: TarHeader;
  readonly typeFlag: string;
}

const typeOfFlag = new Map<string, TarType>(
  Object.entries(typeFlags).map(([type, flag]) => [flag, type as keyof typeof typeFlags]),
)
  .set('\0', 'file')
  .set('7', 'file');

/** Whether a block is one of the two zero blocks that end an archive. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/**
 * Parses one block of 512 bytes.
 *
 * @throws CorruptError when its checksum is wrong or a number is malformed
 */
export function parseHeaderBlock(bytes: Uint8Array): HeaderBlock {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, tarBlockBytes);
  const { unsigned, signed } = headerChecksum(block);
  const stored = parseNumber(block, 'checksum');
  if (stored !== unsigned && stored !== signed) throw new CorruptError('tar header fails its checksum');
  const typeFlag = block.toString('latin1', tarFields.typeFlag[0], tarFields.typeFlag[0] + 1);
  const magic = block.toString('latin1', tarFields.magic[0], tarFields.magic[0] + 6);
  const prefix = magic === 'ustar\0' ? parseText(block, 'prefix') : '';
  const name = parseText(block, 'name');
  const type = typeOfFlag.get(typeFlag) ?? 'other';
  return {
    typeFlag,
    header: {
      name: prefix === '' ? name : `${prefix}/${name}`,
      // Old archives tell directories by their trailing slash only.
      type: typeFlag === '\0' && name.endsWith('/') ? 'directory' : type,
      mode: parseNumber(block, 'mode') & 0o7777,
      uid: parseNumber(block, 'uid'),
      gid: parseNumber(block, 'gid'),
      sizeBytes: parseSize(block),
      mtimeSeconds: parseNumber(block, 'mtime'),
      linkName: parseText(block, 'linkName'),
      userName: magic.startsWith('ustar') ? parseText(block, 'userName') : '',
      groupName: magic.startsWith('ustar') ? parseText(block, 'groupName') : '',
    },
  };
}

/**
 * Puts what the records say into the header that they precede.
 *
 * @throws CorruptError for a number that is none, and for sparse files
 */
export function withExtras(header: TarHeader, extras: TarExtras): TarHeader {
  if (extras.size === 0) return header;
  for (const key of extras.keys()) {
    if (key.startsWith('GNU.sparse.')) throw new CorruptError('tar member is stored sparse, which archives never use');
  }
  const number = (key: string, other: number): number => {
    const text = extras.get(key);
    if (text === undefined) return other;
    const value = /^-?\d{1,16}(?:\.\d*)?$/.test(text) ? Math.floor(Number(text)) : Number.NaN;
    if (!Number.isSafeInteger(value) || (value < 0 && key !== 'mtime')) {
      throw new CorruptError(`tar header with malformed record "${key}"`);
    }
    return value;
  };
  return {
    ...header,
    name: extras.get('path') ?? header.name,
    linkName: extras.get('linkpath') ?? header.linkName,
    userName: extras.get('uname') ?? header.userName,
    groupName: extras.get('gname') ?? header.groupName,
    uid: number('uid', header.uid),
    gid: number('gid', header.gid),
    sizeBytes: number('size', header.sizeBytes),
    mtimeSeconds: number('mtime', header.mtimeSeconds),
  };
}

/** Parses the body of a PAX header. An empty value takes back an earlier record. @throws CorruptError */
export function parsePaxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const digits = space < 0 ? '' : body.toString('latin1', at, space);
    const length = /^[1-9]\d{0,6}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = body.indexOf(0x3d, space);
    if (length === 0 || end > body.length || body[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw new CorruptError('tar header with a malformed PAX record');
    }
    const value = body.toString('utf8', equals + 1, end - 1);
    if (value.includes('\0')) throw new CorruptError('tar header with a NUL in a PAX record');
    records.set(body.toString('utf8', space + 1, equals), value);
    at = end;
  }
  return records;
}

/** The name in the body of a GNU long-name header. */
export function parseGnuName(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString('utf8', 0, end < 0 ? body.length : end);
}

function parseText(block: Buffer, field: keyof typeof tarFields): string {
  const [start, length] = tarFields[field];
  const end = block.subarray(start, start + length).indexOf(0);
  return block.toString('utf8', start, start + (end < 0 ? length : end));
}

function parseSize(block: Buffer): number {
  const size = parseNumber(block, 'size');
  if (size < 0) throw new CorruptError('tar header with a negative size');
  return size;
}

/** Octal text, or GNU's binary form, told by the high bit of the first byte. */
function parseNumber(block: Buffer, field: keyof typeof tarFields): number {
  const [start, length] = tarFields[field];
  const first = block[start] ?? 0;
  if (first >= 0x80) {
    // The top bit is the marker; the next one is the sign of a two's complement number.
    let value = first >= 0xc0 ? BigInt(first) - 0x100n : BigInt(first & 0x3f);
    for (let at = start + 1; at < start + length; at += 1) value = (value << 8n) | BigInt(block[at] ?? 0);
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) throw malformed(field);
    return Number(value);
  }
  const text = block.toString('latin1', start, start + length).replace(/[\0 ]+$|^[\0 ]+/g, '');
  if (text === '') return 0;
  const digits = text.split(/[\0 ]/, 1)[0] ?? '';
  if (!/^[0-7]+$/.test(digits)) throw malformed(field);
  return Number.parseInt(digits, 8);
}

function malformed(field: string): CorruptError {
  return new CorruptError(`tar header with malformed ${field}`);
}
