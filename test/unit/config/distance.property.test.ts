import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/config/distance.ts';

const word = fc.stringMatching(/^[A-C_]{0,8}$/);

describe('the distance of two texts', () => {
  it('is 0 for the same text, the same both ways, and no more than the longer one is long', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance === 0).toBe(a === b);
        expect(editDistance(b, a)).toBe(distance);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  it('counts an insertion, a deletion, a replacement and a swap as one', () => {
    for (const other of ['backups', 'bckup', 'bakcup', 'bachup']) expect(editDistance('backup', other)).toBe(1);
  });
});

describe('the nearest name', () => {
  it('is found among the candidates, and is none when nothing is near', () => {
    const names = ['backup-push', 'backup-fetch', 'wal-push'];
    expect(nearest('backup-psuh', names)).toBe('backup-push');
    expect(nearest('wal-psh', names)).toBe('wal-push');
    expect(nearest('delete', names)).toBeUndefined();
    expect(nearest('', names)).toBeUndefined();
  });
});
