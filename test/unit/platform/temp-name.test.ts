import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAbandoned, isTempName, tempNameFor } from '../../../src/platform/temp-name.ts';

const now = new Date('2026-11-21T03:04:58.378Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);

function withProcess(name: string, pid: number): string {
  return name.slice(0, -10) + pid.toString(16).padStart(6, '0') + name.slice(-4);
}

describe('temporary names', () => {
  it('have the form that WAL-G hides, and are new each time', () => {
    const names = Array.from({ length: 100 }, () => tempNameFor('part_001.tar.lz4', now));
    for (const name of names) expect(name).toMatch(/^part_001\.tar\.lz4\.tmp\.20261121T030458Z-[0-9a-f]{16}$/);
    expect(new Set(names).size).toBe(100);
  });

  it('are recognised, whoever made them, and nothing else is', () => {
    fc.assert(
      fc.property(fc.string(), fc.date({ noInvalidDate: true, min: new Date(0), max: hoursAgo(0) }), (name, date) => {
        expect(isTempName(tempNameFor(name, date))).toBe(true);
      }),
    );
    for (const name of [
      'a',
      'a.tmp',
      'a.tmp.20261121T030458Z-0123456789abcde',
      'a.tmp.20261121T030458Z-0123456789ABCDEF',
      'a.tmp.20261121T030458Z-0123456789abcdef.lz4',
      'a.tmp.2026112T030458Z-0123456789abcdef',
    ]) {
      expect(isTempName(name)).toBe(false);
    }
  });

  it('of a running process are in use for a day, those of a dead one are abandoned at once', () => {
    const own = tempNameFor('a', now);
    expect(isAbandoned(own, hoursAgo(23), now)).toBe(false);
    expect(isAbandoned(own, hoursAgo(25), now)).toBe(true);
    const dead = spawnSync('true').pid;
    expect(isAbandoned(withProcess(own, dead), now, now)).toBe(true);
    expect(isAbandoned(withProcess(own, 1), now, now)).toBe(false);
    expect(isAbandoned(withProcess(own, 0), now, now)).toBe(false);
  });

  it('of other machines are abandoned after a day', () => {
    const foreign = 'a.tmp.20261121T030458Z-0123456789abcdef';
    expect(isAbandoned(foreign, hoursAgo(23), now)).toBe(false);
    expect(isAbandoned(foreign, hoursAgo(25), now)).toBe(true);
  });
});
