/** The bytes that codecs and crypters are measured with: what a backup and an archive of WAL really hold. */
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';

const pieceBytes = 1 << 20;

/** Rows as shops have them: pgbench's own are mostly blanks and compress to a fifteenth. */
const ordersTable = `CREATE TABLE IF NOT EXISTS orders AS SELECT g AS id, timestamp '2026-01-01' + g * interval '7 seconds' AS placed,
  jsonb_build_object('customer', 'C-' || hashint4(g) % 50021, 'sku', md5((hashint4(g + 1) % 9973)::text),
    'amount', (hashint4(g + 2) & 1048575) / 100.0, 'state', (ARRAY['new','paid','sent','back'])[1 + (hashint4(g + 3) & 3)],
    'token', md5(g::text), 'note', repeat('please leave it with the neighbour ', hashint4(g + 4) & 3)) AS document
  FROM generate_series(1, 450000) g`;

/**
 * Writes a file of table pages, index pages and WAL, as far as the cluster has them.
 *
 * @returns its size in bytes, about 550 MB for a cluster of scale 65
 */
export function writePages(cluster: BenchCluster, path: string): number {
  cluster.query(ordersTable);
  cluster.query('CHECKPOINT');
  cluster.fullSegment();
  const base = join(
    cluster.dataDirectory,
    'base',
    cluster.query('SELECT oid FROM pg_database WHERE datname=current_database()'),
  );
  const fileOf = (relation: string): string =>
    join(cluster.dataDirectory, cluster.query(`SELECT pg_relation_filepath('${relation}')`));
  const wal = join(cluster.dataDirectory, 'pg_wal');
  const segments = readdirSync(wal)
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .sort()
    .slice(-9, -1)
    .map((name) => join(wal, name));
  const target = openSync(path, 'w');
  append(target, fileOf('orders'), 180e6);
  append(target, fileOf('pgbench_accounts'), 180e6);
  append(target, fileOf('pgbench_accounts_pkey'), 60e6);
  for (const name of readdirSync(base)) {
    const file = join(base, name);
    if (statSync(file).size < 10e6) append(target, file, 10e6);
  }
  for (const segment of segments) append(target, segment, 16 << 20);
  closeSync(target);
  return statSync(path).size;
}

/** Writes a file's content several times, until it is about `bytes` long. For programs that do the same to any bytes. */
export function writeRepeated(from: string, to: string, bytes: number): number {
  const target = openSync(to, 'w');
  while (statSync(to).size < bytes) append(target, from, bytes - statSync(to).size);
  closeSync(target);
  return statSync(to).size;
}

function append(target: number, path: string, maxBytes: number): void {
  const source = openSync(path, 'r');
  const piece = Buffer.allocUnsafe(pieceBytes);
  let left = maxBytes;
  while (left > 0) {
    const length = readSync(source, piece, 0, Math.min(left, piece.length), null);
    if (length === 0) break;
    writeSync(target, piece, 0, length);
    left -= length;
  }
  closeSync(source);
}
