import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { configuredPolicy, windowLength } from '../../../../src/catalog/retention/settings.ts';

describe('the retention settings', () => {
  it('make a policy of the lines that are set, and none when none is', () => {
    expect(configuredPolicy(rawSettings({}))).toBeUndefined();
    const raw = rawSettings({ WALG_RETENTION_KEEP_LAST: '3', WALG_RETENTION_PITR_WINDOW: '14d' });
    expect(configuredPolicy(raw)).toMatchObject({ keepLast: 3, keepDaily: undefined, pitrWindowMs: 14 * 86_400_000 });
  });

  it('refuse to keep nothing', () => {
    expect(() => configuredPolicy(rawSettings({ WALG_RETENTION_KEEP_LAST: '0' }))).toThrow('WALG_RETENTION_KEEP_LAST');
  });

  it.each([
    ['14d', 14 * 24],
    ['36h', 36],
    ['2w', 14 * 24],
    ['1d12h', 36],
    ['90m', 1.5],
    ['0', 0],
  ])('read the length %s', (text, hours) => {
    expect(windowLength.parse(text)).toBe(hours * 3_600_000);
  });

  it.each(['', 'd', '14', '-1d', '1.5d', '14 d', '12h1d', '14D', '1mo'])('refuse the length %j', (text) => {
    expect(() => windowLength.parse(text)).toThrow('not a duration');
  });
});
