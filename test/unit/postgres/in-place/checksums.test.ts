import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { CorruptError } from '../../../../src/errors.ts';
import type { Sentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { formatChecksums, readChecksums, type StoredSum } from '../../../../src/postgres/in-place/checksums.ts';

const entries: readonly (readonly [string, StoredSum])[] = [
  ['/', { type: 'directory', mode: 0o700 }],
  ['/base/5/1259', { type: 'file', mode: 0o600, sizeBytes: 8192, hash: 0xdeadn }],
  ['/a "name"\nof two lines, ä', { type: 'file', mode: 0o640, sizeBytes: 0, hash: 2n ** 64n - 1n }],
];

const sentinel: Sentinel = {
  kind: 'full',
  startLsn: toLsn(0x2000028n),
  finishLsn: toLsn(0x2000100n),
  pgVersion: 170_000,
  systemIdentifier: 7n,
  uncompressedBytes: 100,
  compressedBytes: 50,
  dataDirectoryBytes: 100,
  tablespaces: undefined,
  userData: undefined,
  filesMetadataDisabled: false,
  summary: { startTime: 1_000n, finishTime: 2_000n, hostname: 'host', dataDirectory: '/data', isPermanent: false },
};

async function read(text: string | Buffer): Promise<(readonly [string, StoredSum])[]> {
  const found: (readonly [string, StoredSum])[] = [];
  await readChecksums(fromBytes(Buffer.from(text)), sentinel, (name, sum) => found.push([name, sum]));
  return found;
}

describe('the list of checksums', () => {
  it('comes back as it was', async () => {
    expect(await read(await collect(formatChecksums(sentinel, entries)))).toEqual(entries);
    expect(await read(await collect(formatChecksums(sentinel, [])))).toEqual([]);
  });

  it('may come in pieces of any size', async () => {
    const bytes = await collect(formatChecksums(sentinel, entries));
    const found: (readonly [string, StoredSum])[] = [];
    await readChecksums(
      // eslint-disable-next-line @typescript-eslint/require-await -- a ByteSource is asynchronous
      (async function* () {
        for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
      })(),
      sentinel,
      (name, sum) => found.push([name, sum]),
    );
    expect(found).toEqual(entries);
  });

  it('is refused wherever it is cut', async () => {
    const bytes = await collect(formatChecksums(sentinel, entries));
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(read(bytes.subarray(0, length))).rejects.toThrow(CorruptError);
    }
  });

  it.each([
    ['an entry is no JSON', '["/a",384'],
    ['an entry has no hash', '["/a",384,5]'],
    ['a size is negative', '["/a",384,-5,"0000000000000000"]'],
    ['a hash is short', '["/a",384,5,"00"]'],
    ['it is another number of entries', '{"entries":7}'],
    ['a line has no end', 'x'.repeat(100_000)],
  ])('is refused when %s', async (_what, line) => {
    const [head = ''] = (await collect(formatChecksums(sentinel, []))).toString().split('\n');
    await expect(read(`${head}\n${line}\n{"entries":1}\n`)).rejects.toThrow(CorruptError);
  });

  it('is refused when it is of another version', async () => {
    const text = (await collect(formatChecksums(sentinel, entries))).toString();
    await expect(read(text.replace('"version":1', '"version":2'))).rejects.toThrow(CorruptError);
  });

  it('is refused when it is of another run of the same name', async () => {
    const { summary } = sentinel;
    if (summary === undefined) throw new Error('no summary');
    const other = { ...sentinel, summary: { ...summary, finishTime: 3_000n } };
    await expect(read(await collect(formatChecksums(other, entries)))).rejects.toThrow('another form or backup');
  });
});
