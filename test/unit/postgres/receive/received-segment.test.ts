import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { DivergedWalError, ReceivedSegment } from '../../../../src/postgres/receive/received-segment.ts';
import { WalMismatchError } from '../../../../src/postgres/wal/inspect.ts';
import { madeSegmentBytes, madeSystemIdentifier, makeSegment } from '../../../../testtools/wal.ts';

const name = '000000010000000000000003';
const content = makeSegment(name);

function empty(): ReceivedSegment {
  return new ReceivedSegment({ timeline: 1, number: 3n }, Buffer.alloc(madeSegmentBytes, 0xff));
}

describe('a segment that is being received', () => {
  it('takes what belongs to it and knows when it is whole', () => {
    const segment = empty();
    expect(segment.name).toBe(name);
    expect(segment.add(content.subarray(0, 1000))).toBe(1000);
    expect(segment.isWhole).toBe(false);
    expect(segment.streamedTo).toBe(segment.start + 1000n);
    expect(segment.add(Buffer.concat([content.subarray(1000), Buffer.from('next')]))).toBe(madeSegmentBytes - 1000);
    expect(segment.isWhole).toBe(true);
  });

  it('is stored with zeros behind what has come, whatever the memory held, also while more comes', async () => {
    const segment = empty();
    segment.add(content.subarray(0, 1000));
    const file = segment.file(`${name}.partial`, segment.filledBytes, new Date(0));
    segment.add(content.subarray(1000, 5000));
    const expected = Buffer.concat([content.subarray(0, 1000), Buffer.alloc(madeSegmentBytes - 1000)]);
    expect((await collect(file.content())).equals(expected)).toBe(true);
    const read = Buffer.alloc(100, 1);
    expect(file.read(read, 990)).toBe(100);
    expect(read.equals(expected.subarray(990, 1090))).toBe(true);
    expect(file.read(read, madeSegmentBytes - 10)).toBe(10);
  });

  it('refuses other WAL than came before at the same place', () => {
    const segment = empty();
    segment.add(content.subarray(0, 1000));
    segment.rewind();
    segment.add(content.subarray(0, 500));
    const other = Buffer.from(content.subarray(500, 2000));
    other[499] = 0;
    expect(() => segment.add(other)).toThrow(DivergedWalError);
    segment.rewind();
    expect(segment.add(content.subarray(0, 2000))).toBe(2000);
    expect(segment.filledBytes).toBe(2000);
  });

  it('takes over what was stored before, whether that is more or less', () => {
    const less = empty();
    less.add(content.subarray(0, 1000));
    less.merge(content.subarray(0, 400));
    expect(less.filledBytes).toBe(1000);
    less.merge(content.subarray(0, 3000));
    expect([less.filledBytes, less.streamedTo]).toEqual([3000, less.start + 1000n]);
    expect(() => less.merge(Buffer.alloc(10))).toThrow(DivergedWalError);
  });

  it('is refused when it is of another cluster or place', () => {
    const segment = empty();
    segment.add(content);
    expect(() => segment.check(madeSystemIdentifier)).not.toThrow();
    expect(() => segment.check(7n)).toThrow(WalMismatchError);
    const elsewhere = new ReceivedSegment({ timeline: 1, number: 4n }, Buffer.alloc(madeSegmentBytes));
    elsewhere.add(content);
    expect(() => elsewhere.check(madeSystemIdentifier)).toThrow(WalMismatchError);
  });
});
