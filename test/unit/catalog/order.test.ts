import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrderOfCompletion, inOrderOfStart, type DatedBackup } from '../../../src/catalog/order.ts';
import { parseTime, zeroTimeNs } from '../../../src/catalog/time.ts';

const now = parseTime('2026-11-22T00:00:00Z');

interface Times {
  readonly modified: string;
  readonly finished?: string;
  readonly started?: string;
}

function backup(name: string, { modified, finished, started }: Times): DatedBackup {
  return {
    entry: { name, sentinelKey: name, sizeBytes: 1, modified: parseTime(`2026-11-${modified}Z`) },
    started: started === undefined ? undefined : parseTime(`2026-11-${started}Z`),
    finished: finished === undefined ? undefined : parseTime(`2026-11-${finished}Z`),
  };
}

const names = (backups: readonly DatedBackup[]) => backups.map(({ entry }) => entry.name).join('');

describe('the order of completion', () => {
  it('is that of the object times on an archive that nobody touched', () => {
    const overlapping = [
      backup('a', { started: '20T01:00:00', finished: '20T05:00:00', modified: '20T05:00:01' }),
      backup('b', { started: '20T02:00:00', finished: '20T03:00:00', modified: '20T03:00:01' }),
    ];
    expect(names(inOrderOfCompletion(overlapping, now))).toBe('ba');
  });

  it('is that of the recorded times in a copy', () => {
    const copied = [
      backup('a', { finished: '20T05:00:00', modified: '21T10:00:02' }),
      backup('b', { finished: '20T06:00:00', modified: '21T10:00:01' }),
      backup('c', { finished: '20T07:00:00', modified: '21T10:00:00' }),
    ];
    expect(names(inOrderOfCompletion(copied, now))).toBe('abc');
  });

  it('is that of the recorded times where the object times were set back', () => {
    const reset = [
      backup('b', { finished: '20T06:00:00', modified: '01T00:00:00' }),
      backup('a', { finished: '20T05:00:00', modified: '01T00:00:01' }),
    ];
    expect(names(inOrderOfCompletion(reset, now))).toBe('ab');
  });

  it('goes by the storage’s clock for a host whose clock runs ahead', () => {
    const hosts = [
      backup('a', { finished: '20T05:10:00', modified: '20T05:00:01' }),
      backup('b', { finished: '20T05:05:00', modified: '20T05:05:01' }),
      backup('c', { finished: '29T00:00:00', modified: '19T00:00:00' }),
    ];
    expect(names(inOrderOfCompletion(hosts, now))).toBe('cab');
  });

  it('takes the object time of a backup that recorded none', () => {
    const mixed = [
      backup('c', { finished: '20T06:00:00', modified: '20T06:00:01' }),
      backup('b', { modified: '20T05:30:00' }),
      backup('a', { finished: '20T05:00:00', modified: '20T05:00:01' }),
      { ...backup('d', { modified: '20T07:00:00' }), finished: zeroTimeNs },
    ];
    expect(names(inOrderOfCompletion(mixed, now))).toBe('abcd');
  });

  it('decides ties by object time, then by name', () => {
    const tied = [
      backup('c', { finished: '20T06:00:00', modified: '20T06:00:03' }),
      backup('b', { finished: '20T06:00:00', modified: '20T06:00:02' }),
      backup('a', { finished: '20T06:00:00', modified: '20T06:00:02' }),
    ];
    expect(names(inOrderOfCompletion(tied, now))).toBe('abc');
  });

  it('is the same whatever order they are listed in', () => {
    const time = fc.integer({ min: 10, max: 30 }).map((day) => `${day}T00:00:00`);
    const times = fc.record(
      { modified: time, finished: fc.option(time, { nil: undefined }) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(
        fc.array(times, { maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
        (all, keys) => {
          const backups = all.map(({ modified, finished }, index) =>
            backup(String.fromCharCode(97 + index), finished === undefined ? { modified } : { modified, finished }),
          );
          const shuffled = backups.toSorted(
            (a, b) => (keys[backups.indexOf(a)] ?? 0) - (keys[backups.indexOf(b)] ?? 0),
          );
          expect(names(inOrderOfCompletion(shuffled, now))).toBe(names(inOrderOfCompletion(backups, now)));
        },
      ),
    );
  });
});

describe('the order of start', () => {
  const a = backup('a', { started: '20T01:00:00', finished: '20T05:00:00', modified: '20T05:00:01' });
  const b = backup('b', { started: '20T02:00:00', finished: '20T03:00:00', modified: '20T03:00:01' });

  it('is that of the recorded starts', () => {
    expect(names(inOrderOfStart([b, a], now))).toBe('ab');
  });

  it('is that of completion when one recorded none', () => {
    expect(names(inOrderOfStart([a, b, backup('c', { modified: '20T04:00:00' })], now))).toBe('bca');
  });
});
