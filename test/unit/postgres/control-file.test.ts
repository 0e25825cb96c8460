import { mkdir, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../src/errors.ts';
import { parseControlFile, UnknownControlVersionError } from '../../../src/postgres/control-file.ts';
import { readControlFile } from '../../../src/postgres/pgdata.ts';
import { readSegmentHeader, segmentHeaderBytes } from '../../../src/postgres/wal-page.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/server-files');
const controlFile = (major: number) => readFileSync(join(folder, `pg${major}.pg_control`));
const segment = (major: number) => readFileSync(join(folder, `pg${major}.segment`));

describe.each([13, 14, 15, 16, 17, 18])('files of a new cluster of PostgreSQL %i', (major) => {
  it('pg_control is read', () => {
    expect(parseControlFile(controlFile(major))).toMatchObject({
      controlVersion: major === 18 ? 1800 : major === 17 ? 1700 : 1300,
      catalogVersion: { 13: 202007201, 14: 202107181, 15: 202209061, 16: 202307071, 17: 202406281, 18: 202506291 }[
        major
      ],
      state: 'shut down',
      checkpoint: { timeline: 1, previousTimeline: 1 },
      minRecoveryPoint: { lsn: 0n, timeline: 0 },
      blockBytes: 8192,
      walPageBytes: 8192,
      segmentBytes: 16 * 1024 * 1024,
      dataChecksumVersion: major === 15 ? 0 : 1,
    });
  });

  it('the header of the first segment is read, and names the same cluster', () => {
    const { systemIdentifier } = parseControlFile(controlFile(major));
    expect(readSegmentHeader(segment(major))).toEqual({
      magic: segment(major).readUInt16LE(0),
      majorVersion: major,
      flags: 2,
      timeline: 1,
      start: 0x1000000n,
      systemIdentifier,
      segmentBytes: 16 * 1024 * 1024,
      pageBytes: 8192,
    });
  });

  it('a flipped bit anywhere in pg_control is noticed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: (major === 18 ? 296 : 292) * 8 - 1 }), (bit) => {
        const bytes = Uint8Array.from(controlFile(major));
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => parseControlFile(bytes)).toThrow(CorruptError);
      }),
    );
  });

  it('a shortened pg_control is refused', () => {
    for (let length = 0; length < 290; length++) {
      expect(() => parseControlFile(controlFile(major).subarray(0, length))).toThrow(CorruptError);
    }
  });
});

it('pg_control of another version is told apart from a damaged one', () => {
  const bytes = controlFile(17);
  bytes.writeUInt32LE(960, 8);
  expect(() => parseControlFile(bytes)).toThrow(UnknownControlVersionError);
  expect(() => parseControlFile(bytes)).toThrow('unknown version of pg_control: 960');
});

it('pg_control is read from a data directory, and a missing one is the system’s error', async () => {
  await using directory = await temporaryDirectory();
  expect(() => readControlFile(directory.path)).toThrow(/ENOENT/);
  await mkdir(join(directory.path, 'global'));
  await writeFile(join(directory.path, 'global/pg_control'), controlFile(16));
  expect(readControlFile(directory.path)).toEqual(parseControlFile(controlFile(16)));
  await writeFile(join(directory.path, 'global/pg_control'), controlFile(16).fill(1, 20, 30));
  expect(() => readControlFile(directory.path)).toThrow('pg_control fails its checksum');
});

describe('bytes that are no beginning of a segment', () => {
  it.each([
    ['too few', (bytes: Buffer) => bytes.subarray(0, segmentHeaderBytes - 1)],
    ['zeros', (bytes: Buffer) => bytes.fill(0)],
    ['a page that is not the first', (bytes: Buffer) => (bytes.writeUInt16LE(0, 2), bytes)],
    ['unknown flags', (bytes: Buffer) => (bytes.writeUInt16LE(0x12, 2), bytes)],
    ['text', () => Buffer.from('this is not a segment of a write-ahead log at all')],
  ])('%s', (_what, change) => {
    expect(readSegmentHeader(change(segment(17)))).toBeUndefined();
  });

  it('are told without an error, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        readSegmentHeader(bytes);
      }),
    );
  });

  it('are told apart from a segment of a version to come', () => {
    const bytes = segment(18);
    bytes.writeUInt16LE(0xd11f, 0);
    expect(readSegmentHeader(bytes)).toMatchObject({ majorVersion: undefined, timeline: 1 });
  });
});
