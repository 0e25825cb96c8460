import { describe, expect, it } from 'vitest';
import { collect } from '../../../src/bytes/stage.ts';
import { refuseCutStream } from '../../../src/stream/cut-stream.ts';
import { lending } from '../../../testtools/byte-sources.ts';

const sandbox = '/*M!999999\\- enable the sandbox mode */ \n';
const rows = 'INSERT INTO t VALUES (1);\n'.repeat(400);

function tar(end: number): Buffer {
  const header = Buffer.alloc(512);
  header.write('file', 0);
  header.write('ustar', 257);
  return Buffer.concat([header, Buffer.alloc(512, 1), Buffer.alloc(end)]);
}

async function pass(bytes: string | Buffer, allowed: { allowEmpty?: boolean; allowIncomplete?: boolean } = {}) {
  const stage = refuseCutStream({ allowEmpty: false, allowIncomplete: false, what: 'standard input', ...allowed });
  const plain = Buffer.from(bytes);
  const results = await Promise.all([13, 1000, 70_000].map((size) => collect(stage(lending(plain, size)))));
  return results.every((result) => result.equals(plain));
}

describe('a stream that ends too early', () => {
  it.each([
    ['nothing', '', /nothing came from standard input/],
    ['a dump of MySQL', `-- MySQL dump 10.13  Distrib 8.0.35\n${rows}`, /begins as a dump of mysqldump .* too early/],
    ['a dump of MariaDB', `${sandbox}-- MariaDB dump 10.19\n${rows}`, /begins as a dump of mysqldump or mariadb-dump/],
    ['a dump of pg_dump', `--\n-- PostgreSQL database dump\n--\n${rows}`, /begins as a dump of pg_dump/],
    ['a tar archive', tar(512), /begins as a tar archive and ends too early, after 1536 bytes/],
  ])('is refused: %s', async (_what, bytes, message) => {
    await expect(pass(bytes)).rejects.toThrow(message);
    await expect(pass(bytes)).rejects.toMatchObject({ kind: 'corrupt' });
    expect(await pass(bytes, { allowEmpty: true, allowIncomplete: true })).toBe(true);
  });

  it.each([
    ['a dump of MySQL', `-- MySQL dump 10.13\n${rows}-- Dump completed on 2026-11-21  3:28:40\n`],
    ['a dump without its date', `${sandbox}-- MariaDB dump 10.19\n${rows}-- Dump completed\n`],
    [
      'a dump of pg_dump',
      `--\n-- PostgreSQL database dump\n--\n${rows}--\n-- PostgreSQL database dump complete\n--\n\n`,
    ],
    ['a tar archive', tar(1024)],
    ['a dump without comments', rows],
    ['anything else', 'x'],
  ])('is told from a whole one: %s', async (_what, bytes) => {
    expect(await pass(bytes)).toBe(true);
  });
});
