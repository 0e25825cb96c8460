import { describe, expect, it } from 'vitest';
import { parseLsn } from '../../../src/postgres/lsn.ts';
import {
  classifyWalFileName,
  isSegmentBytes,
  isSegmentName,
  nextSegment,
  parseSegmentName,
  segmentName,
  segmentOf,
  segmentsBetween,
  segmentStart,
} from '../../../src/postgres/wal-segment.ts';

const mebibyte = 1024 * 1024;
const usual = 16 * mebibyte;

describe('segment names', () => {
  it.each([
    ['0/2000028', 1, usual, '000000010000000000000002'],
    ['1/FF000000', 1, usual, '0000000100000001000000FF'],
    ['2/0', 0xab, usual, '000000AB0000000200000000'],
    ['0/2000028', 1, mebibyte, '000000010000000000000020'],
    ['1/FFF00000', 1, mebibyte, '000000010000000100000FFF'],
    ['3/C0000000', 2, 1024 * mebibyte, '000000020000000300000003'],
  ])('of %s on timeline %i with segments of %i bytes is the server’s', (lsn, timeline, segmentBytes, name) => {
    const id = segmentOf(parseLsn(lsn), timeline, segmentBytes);
    expect(segmentName(id, segmentBytes)).toBe(name);
    expect(parseSegmentName(name, segmentBytes)).toEqual(id);
    expect(segmentStart(id, segmentBytes) <= parseLsn(lsn)).toBe(true);
  });

  it('are followed by the next one, over the end of a log', () => {
    const last = parseSegmentName('0000000100000001000000FF', usual);
    expect(last && segmentName(nextSegment(last), usual)).toBe('000000010000000200000000');
  });

  it('have no segment beyond the end of a log', () => {
    expect(parseSegmentName('000000010000000000000100', usual)).toBeUndefined();
    expect(parseSegmentName('000000010000000000000100', mebibyte)).toBeDefined();
    expect(parseSegmentName('000000010000000000000004', 1024 * mebibyte)).toBeUndefined();
  });

  it.each(['', '00000001000000000000000', '0000000100000000000000020', '00000001000000000000000G', '00000002.history'])(
    'are not %j',
    (name) => {
      expect(parseSegmentName(name, usual)).toBeUndefined();
      expect(isSegmentName(name)).toBe(false);
    },
  );

  it('are the server’s only in upper case', () => {
    expect(isSegmentName('0000000100000000000000aa')).toBe(false);
    expect(parseSegmentName('0000000100000000000000aa', usual)?.number).toBe(0xaan);
  });
});

describe('the segments between two positions', () => {
  const names = (from: string, to: string) =>
    [...segmentsBetween(parseLsn(from), parseLsn(to), 1, usual)].map((id) => segmentName(id, usual));

  it('end before the end when that is a boundary', () => {
    expect(names('0/2000028', '0/3000000')).toEqual(['000000010000000000000002']);
    expect(names('0/2000028', '0/3000001')).toEqual(['000000010000000000000002', '000000010000000000000003']);
  });

  it('are none when nothing lies between', () => {
    expect(names('0/3000000', '0/3000000')).toEqual([]);
    expect(names('0/5000000', '0/3000000')).toEqual([]);
  });
});

it.each([
  [1, false],
  [mebibyte, true],
  [3 * mebibyte, false],
  [usual, true],
  [1024 * mebibyte, true],
  [2048 * mebibyte, false],
  [Number.NaN, false],
])('a segment size of %d bytes: %s', (bytes, possible) => {
  expect(isSegmentBytes(bytes)).toBe(possible);
});

it.each([
  ['000000010000000000000002', 'segment'],
  ['000000010000000000000007.partial', 'partial'],
  ['00000002.history', 'history'],
  ['000000010000000000000002.00000028.backup', 'backup'],
  ['000000010000000000000002.backup', 'other'],
  ['000000010000000000000010_delta', 'other'],
  ['x000000010000000000000002', 'other'],
  ['RECOVERYXLOG', 'other'],
  ['', 'other'],
] as const)('%j is a %s', (name, kind) => {
  expect(classifyWalFileName(name)).toBe(kind);
});
