import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectWalFile } from '../../../../src/postgres/wal/inspect.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';
import { madeSegmentBytes, madeSystemIdentifier, makeDataDirectory, makeSegment } from '../../../../testtools/wal.ts';

const directory = await temporaryDirectory();
afterAll(() => directory[Symbol.asyncDispose]());
const dataDirectory = join(directory.path, 'data');
const walDirectory = makeDataDirectory(dataDirectory);
const name = '000000030000000000000007';

function verdict(bytes: Uint8Array, { called = name, beside = true } = {}): string {
  const facts = { name: called, sizeBytes: bytes.length, head: bytes.subarray(0, 40), walDirectory };
  const result = inspectWalFile({ ...facts, dataDirectory: beside ? dataDirectory : undefined }, silentLogger);
  return result.kind === 'fine' ? 'fine' : `${result.kind}: ${result.reason}`;
}

describe('what wal-push makes of a file', () => {
  it('finds a segment fine that is what its name says, also a partial one', () => {
    expect(verdict(makeSegment(name))).toBe('fine');
    expect(verdict(makeSegment(name), { called: `${name}.partial` })).toBe('fine');
  });

  it('does not look into histories and labels', () => {
    expect(verdict(Buffer.from('x'), { called: '00000002.history' })).toBe('fine');
    expect(verdict(Buffer.from('x'), { called: `${name}.00000028.backup` })).toBe('fine');
  });

  it.each([
    ['position', { start: 0n }, /position 0\/0, and its name that of 0\/700000$/],
    ['later timeline', { timeline: 4 }, /timeline 4, and its name of 3/],
    ['size in the header', { segmentBytes: 2 << 20, sizeBytes: madeSegmentBytes }, /its header says 2097152/],
    ['truncation', { sizeBytes: 8192 }, /it has 8192 bytes, and its header says 1048576/],
    ['impossible size', { segmentBytes: 12345, sizeBytes: 12345, start: 7n * 0x100000n }, /impossible segment size/],
    ['cluster', { systemIdentifier: madeSystemIdentifier + 1n }, /it is of the cluster \d+, and pg_control beside it/],
  ])('notices a wrong %s', (_, made, message) => {
    expect(verdict(makeSegment(name, made))).toMatch(/^mismatch: /);
    expect(verdict(makeSegment(name, made))).toMatch(message);
  });

  it('compares the segment size with that of the cluster', () => {
    const big = makeSegment(name, { segmentBytes: 2 << 20 });
    expect(verdict(big)).toMatch(/^mismatch: .*pg_control beside it 1048576/);
    expect(verdict(big, { beside: false })).toBe('fine');
  });

  it('refuses an empty file, and does not know what is no WAL at all', () => {
    expect(verdict(Buffer.alloc(0))).toBe('mismatch: it is empty');
    expect(verdict(Buffer.from('hello'))).toMatch(/^unknown: /);
    expect(verdict(Buffer.alloc(madeSegmentBytes))).toMatch(/^unknown: /);
    expect(verdict(makeSegment(name), { called: 'notes.txt' })).toMatch(/^unknown: .*name/);
  });

  it('lets the first segment of a timeline begin with pages of the one it comes from', () => {
    const copied = makeSegment(name, { timeline: 2 });
    expect(verdict(copied)).toBe('fine');
    writeFileSync(join(walDirectory, '00000003.history'), '1\t0/500000\tx\n2\t0/7000A0\tx\n');
    expect(verdict(copied)).toBe('fine');
    expect(verdict(makeSegment(name, { timeline: 1 }))).toMatch(/timeline 1, and its name of 3/);
    expect(
      verdict(makeSegment('000000030000000000000008', { timeline: 2 }), { called: '000000030000000000000008' }),
    ).toMatch(/timeline 2, and its name of 3/);
  });
});
