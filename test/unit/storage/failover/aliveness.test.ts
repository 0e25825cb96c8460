import { describe, expect, it } from 'vitest';
import { rawSettings, readSettings } from '../../../../src/config/setting.ts';
import {
  afterCheck,
  afterOperation,
  checkLimits,
  weightOf,
  type Aliveness,
} from '../../../../src/storage/failover/aliveness.ts';
import { failoverSettings } from '../../../../src/storage/failover/settings.ts';

const limits = readSettings(failoverSettings, rawSettings({}));
const now = new Date('2026-11-21T00:00:00Z');

function after(status: Aliveness, succeeded: boolean, weight = 1000): Aliveness {
  return afterOperation(status, { weight, succeeded }, limits, now);
}

describe('aliveness', () => {
  it('starts with what a check says', () => {
    expect(afterCheck(undefined, true, now)).toEqual({ potential: 1000, actual: 1000, alive: true, updated: now });
    expect(afterCheck(undefined, false, now)).toEqual({ potential: 1000, actual: 0, alive: false, updated: now });
    const before = { potential: 1500, actual: 700, alive: false, updated: now };
    expect(afterCheck(before, true, now)).toMatchObject({ potential: 1500, actual: 1500, alive: true });
  });

  it('moves as the specification says: slowly while all goes well, faster near the limit', () => {
    const first = after(afterCheck(undefined, true, now), false);
    expect(first.actual).toBeCloseTo(990, 9);
    expect(first.potential).toBeCloseTo(1000, 9);
    // factor 0.99: a twelfth of the way from 1 to 0.88, so 0.01 + 0.04 / 12
    expect(after(first, false).actual).toBeCloseTo(990 * (1 - (0.01 + 0.04 / 12)), 9);
  });

  it('is lost after some failures, and comes back with successes only', () => {
    let status = afterCheck(undefined, true, now);
    let failures = 0;
    for (; status.alive; failures += 1) status = after(status, false);
    expect(failures).toBe(6);
    expect(after(status, true).alive).toBe(false);
    let successes = 0;
    for (; !status.alive; successes += 1) status = after(status, true);
    expect(successes).toBeGreaterThan(10);
    expect(status.actual / status.potential).toBeGreaterThanOrEqual(0.99);
  });

  it('of a storage that does nothing moves by half', () => {
    const dead = afterCheck(undefined, false, now);
    expect(after(dead, true)).toMatchObject({ potential: 1000, actual: 500, alive: false });
  });

  it('weighs operations by what they move', () => {
    const mib = 1024 * 1024;
    expect(weightOf({ verb: 'stat' })).toBe(1000);
    expect(weightOf({ verb: 'list' })).toBe(2000);
    expect(weightOf({ verb: 'copy' })).toBe(2000);
    expect(weightOf({ verb: 'write', bytes: 17 })).toBe(1000);
    expect(weightOf({ verb: 'read', bytes: 100 * mib })).toBeCloseTo(3000, 9);
    expect(weightOf({ verb: 'delete', files: 1 })).toBe(500);
    expect(weightOf({ verb: 'delete', files: 1000 })).toBeCloseTo(2000, 9);
  });

  it('refuses limits that contradict one another', () => {
    expect(() => {
      checkLimits(limits);
    }).not.toThrow();
    for (const wrong of [{ aliveLimit: 0.5 }, { alphaAliveMin: 0.06 }, { alphaDeadMax: 0.05 }]) {
      expect(() => {
        checkLimits({ ...limits, ...wrong });
      }).toThrow(expect.objectContaining({ kind: 'config' }));
    }
    for (const text of ['0', '1', '1.5', 'x', '-0.5']) {
      const raw = rawSettings({ WALG_FAILOVER_STORAGES_CACHE_EMA_DEAD_LIMIT: text });
      expect(() => readSettings(failoverSettings, raw)).toThrow(/DEAD_LIMIT/);
    }
  });
});
