import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { XbstreamReader } from '../../../../src/mysql/backup/xbstream.ts';
import { madeChunk, madeXbstream } from '../../../../testtools/made-xbstream.ts';

function read(bytes: Uint8Array, pieceBytes = bytes.length): { files: Record<string, string>; reader: XbstreamReader } {
  const files: Record<string, string> = {};
  const reader = new XbstreamReader({
    payload: (path, piece) => (files[path] = (files[path] ?? '') + Buffer.from(piece).toString('latin1')),
    end: (path) => (files[path] = `${files[path] ?? ''}.`),
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.feed(bytes.subarray(at, at + pieceBytes));
  return { files, reader };
}

describe('a reader of xbstreams', () => {
  const stream = Buffer.concat([
    madeChunk({ path: 'a', bytes: Buffer.from('one') }),
    madeChunk({ path: 'b/c', bytes: Buffer.from('two'), offset: 5_000_000_000 }),
    madeChunk({ path: 'a', bytes: Buffer.from('three') }),
    madeChunk({
      path: 'sparse',
      bytes: Buffer.from('dense'),
      holes: [
        [4096, 5],
        [100, 0],
      ],
    }),
    madeChunk({ path: 'empty', bytes: Buffer.alloc(0) }),
    ...['a', 'b/c', 'sparse', 'empty'].map((path) => madeChunk({ path, end: true })),
  ]);

  it('finds the files in pieces of any size', () => {
    for (const pieceBytes of [1, 3, 17, 1000]) {
      const { files, reader } = read(stream, pieceBytes);
      expect(files).toEqual({ a: 'onethree.', 'b/c': 'two.', sparse: 'dense.', empty: '.' });
      expect(reader.missing()).toBeUndefined();
    }
  });

  it('notices every damaged byte of a payload, its map and its checksum', () => {
    const chunk = madeChunk({ path: 'p', bytes: Buffer.from('payload'), holes: [[1, 2]] });
    for (let at = 15 + 4 + 16; at < chunk.length; at++) {
      const damaged = Buffer.from(chunk);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(() => read(damaged), `byte ${at}`).toThrow(CorruptError);
    }
  });

  it('tells a stream that was cut, wherever that was', () => {
    const whole = madeXbstream({ first: 'abc', second: 'def' });
    for (let length = 1; length < whole.length; length++) {
      const isBetweenFiles = length === whole.length / 2 - 0.5 || length === madeXbstream({ first: 'abc' }).length;
      expect(read(whole.subarray(0, length)).reader.missing() === undefined, `at ${length}`).toBe(isBetweenFiles);
    }
  });

  it('quotes names in what it says: they are anybody’s', () => {
    const path = 'a\nINFO: backup pushed\u001b[31m';
    const chunk = madeChunk({ path, bytes: Buffer.from('payload') });
    const shown = JSON.stringify(path);
    expect(read(chunk).reader.missing()).toBe(`it ends before the end of ${shown}`);
    expect(read(chunk.subarray(0, -1)).reader.missing()).toBe(`it ends in the middle of a chunk of ${shown}`);
    const damaged = Buffer.from(chunk);
    damaged.write('P', chunk.length - 7);
    expect(() => read(damaged)).toThrow(`a wrong checksum of ${shown}`);
  });

  it('lets pass what was invented later, and says so', () => {
    const later = Buffer.concat([
      madeChunk({ path: 'x', bytes: Buffer.from('?'), type: 'X' }),
      Buffer.from('whatever'),
    ]);
    const { reader } = read(later);
    expect(reader.notUnderstood).toBe('chunks of type "X"');
    expect(reader.missing()).toBeUndefined();
    const ignorable = madeChunk({ path: 'x', bytes: Buffer.from('?'), type: 'X', flags: 1 });
    expect(read(Buffer.concat([ignorable, stream])).files).toMatchObject({ a: 'onethree.' });
  });

  it('refuses anything else without taking memory for it', () => {
    expect(() => read(Buffer.from('no xbstream at all'))).toThrow('in the chunk at byte 0');
    const path = Buffer.from(stream);
    path.writeUInt32LE(0xffffffff, 10);
    expect(() => read(path)).toThrow('a path of 4294967295 bytes');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (tail, pieceBytes) => {
        try {
          read(Buffer.concat([Buffer.from('XBSTCK01'), tail]), pieceBytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
