import { describe, expect, it } from 'vitest';
import { binlogNamed } from '../../../../../src/mysql/binlog/binlog-name.ts';
import { decideStart, type ArchiveEnd } from '../../../../../src/mysql/binlog/follow/follow-start.ts';
import type { ServerBinlog } from '../../../../../src/mysql/server/server.ts';

const name = (number: number): string => `b.${String(number).padStart(6, '0')}`;

function end(last: number | undefined, tails: Readonly<Record<number, number>> = {}): ArchiveEnd {
  const object = { key: 'k', sizeBytes: 1, modified: new Date(0), otherKeys: [] };
  return {
    last: last === undefined ? undefined : { ...binlogNamed(name(last)), ...object },
    tails: Object.entries(tails).map(([number, bytes]) => {
      const binlog = binlogNamed(name(Number(number)));
      return { binlog, chain: [{ binlog, start: 0, end: bytes, key: 'r', modified: new Date(0) }], keys: ['r'] };
    }),
    needless: [],
  };
}

function listed(...logs: readonly (readonly [number, number])[]): readonly ServerBinlog[] {
  return logs.map(([number, sizeBytes]) => ({ name: name(number), sizeBytes, isEncrypted: false }));
}

const strict = { acceptGap: false };
const three = listed([3, 100], [4, 200], [5, 50]);

describe('where following begins', () => {
  it.each([
    ['at the oldest log of an empty archive', end(undefined), 3, 0, 0],
    ['behind the last complete one', end(3), 4, 0, 0],
    ['at the newest one when all others are archived', end(4), 5, 0, 0],
    ['where the followed part ends', end(3, { 4: 120 }), 4, 120, 0],
    ['behind one that was followed to its end', end(3, { 4: 200, 5: 30 }), 5, 30, 1],
    ['in the active one that has nothing new', end(4, { 5: 50 }), 5, 50, 0],
    ['in a followed one without anything complete', end(undefined, { 4: 120 }), 4, 120, 0],
  ])('is %s', (_, archive, number, position, complete) => {
    const start = decideStart(archive, three, strict);
    expect([start.binlog.number, start.position, start.toComplete.length]).toEqual([number, position, complete]);
  });

  it.each([
    ['logs that were removed', end(1), 'the server has removed what the archive lacks: "b.000002"'],
    ['several of them', end(0), '"b.000001" up to "b.000002"'],
    ['the rest of a followed one', end(1, { 2: 44 }), '"b.000002" from 44 on'],
  ])('is nowhere behind %s, unless the gap is accepted', (_, archive, message) => {
    expect(() => decideStart(archive, three, strict)).toThrow(message);
    const start = decideStart(archive, three, { acceptGap: true });
    expect([start.binlog.number, start.position]).toEqual([3, 0]);
    expect(message).toContain(start.gap);
  });

  it('is behind one that the server has removed, if it was followed to its end', () => {
    const start = decideStart(end(1, { 2: 44 }), three, { acceptGap: false, closed: new Set([name(2)]) });
    expect([start.binlog.number, start.position, start.toComplete[0]?.binlog.number]).toEqual([3, 0, 2]);
  });

  it('is at the end of an encrypted log, whose length says nothing', () => {
    const encrypted = three.map((log) => ({ ...log, isEncrypted: true }));
    const start = decideStart(end(3, { 4: 200 }), encrypted, strict);
    expect([start.binlog.number, start.position]).toEqual([4, 200]);
  });

  it.each([
    ['it has a later one', end(5)],
    ['it has more of one', end(3, { 4: 201 })],
    ['it has followed a later one', end(undefined, { 6: 10 })],
  ])('is nowhere in an archive of other logs: %s', (_, archive) => {
    expect(() => decideStart(archive, three, strict)).toThrow('these are not the binary logs that the archive holds');
    expect(() => decideStart(archive, three, { acceptGap: true })).toThrow('these are not');
  });
});
