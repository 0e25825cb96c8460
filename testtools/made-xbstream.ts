/** Streams in the format of XtraBackup, made by hand. */
import { crc32 } from 'node:zlib';

/** A piece of a file, or its end. */
export type MadeChunk =
  | {
      readonly path: string;
      readonly bytes: Uint8Array;
      readonly offset?: number;
      readonly type?: 'P' | 'X';
      readonly flags?: number;
    }
  | {
      readonly path: string;
      readonly bytes: Uint8Array;
      readonly holes: readonly (readonly [skip: number, write: number])[];
    }
  | { readonly path: string; readonly end: true };

/** The bytes of one chunk. */
export function madeChunk(chunk: MadeChunk): Buffer {
  const path = Buffer.from(chunk.path);
  const type = 'end' in chunk ? 'E' : 'holes' in chunk ? 'S' : (chunk.type ?? 'P');
  const flags = 'flags' in chunk ? (chunk.flags ?? 0) : 0;
  const head = Buffer.concat([
    Buffer.from('XBSTCK01'),
    Buffer.from([flags, type.charCodeAt(0)]),
    u32(path.length),
    path,
  ]);
  if ('end' in chunk) return head;
  const map =
    'holes' in chunk ? Buffer.concat(chunk.holes.flatMap(([skip, write]) => [u32(skip), u32(write)])) : undefined;
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64LE(BigInt(chunk.bytes.length), 0);
  lengths.writeBigUInt64LE(BigInt('offset' in chunk ? (chunk.offset ?? 0) : 0), 8);
  const sum = u32(crc32(chunk.bytes, map === undefined ? 0 : crc32(map)));
  return Buffer.concat([
    head,
    ...(map === undefined ? [] : [u32(map.length / 8)]),
    lengths,
    sum,
    ...(map === undefined ? [] : [map]),
    chunk.bytes,
  ]);
}

/** Whole files, one after another. */
export function madeXbstream(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  return Buffer.concat(
    Object.entries(files).flatMap(([path, bytes]) => [
      madeChunk({ path, bytes: Buffer.from(bytes as Uint8Array) }),
      madeChunk({ path, end: true }),
    ]),
  );
}

/** What a backup of XtraBackup consists of, as far as anybody here looks into it. */
export function madeXtrabackup({
  from = 0,
  to = 1000,
  version = '10.11.19-MariaDB',
  binlogInfo = 'mysql-bin.000018\t428\t0-11-26\n',
}: {
  readonly from?: number | bigint;
  readonly to?: number | bigint;
  readonly version?: string;
  readonly binlogInfo?: string;
} = {}): Buffer {
  return madeXbstream({
    ibdata1: Buffer.alloc(100_000, 'page'),
    xtrabackup_binlog_info: binlogInfo,
    xtrabackup_checkpoints: `backup_type = ${from === 0 ? 'full-backuped' : 'incremental'}\nfrom_lsn = ${from}\nto_lsn = ${to}\nlast_lsn = ${to}\n`,
    xtrabackup_info: `uuid = b378ff3b-e55b-11f1-8df2-02fc00000001\ntool_name = mariabackup\nserver_version = ${version}\n`,
  });
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
