import { describe, expect, it } from 'vitest';
import { integer, text } from '../../../src/config/parsers.ts';
import {
  SettingError,
  checkSettings,
  optionalSetting,
  rawSettings,
  readSetting,
  readSettings,
  setting,
} from '../../../src/config/setting.ts';

const concurrency = setting('WALG_CONCURRENCY', integer({ min: 1 }), '16', 'How many.', {
  aliases: ['WALE_CONCURRENCY'],
});
const password = optionalSetting('WALG_PASSWORD', integer(), 'A secret number.', { secret: true });

describe('reading a setting', () => {
  it('takes its own name before its aliases, and its default when neither is set', () => {
    expect(readSetting(concurrency, rawSettings({ WALG_CONCURRENCY: '2', WALE_CONCURRENCY: '3' }))).toBe(2);
    expect(readSetting(concurrency, rawSettings({ WALE_CONCURRENCY: '3' }))).toBe(3);
    expect(readSetting(concurrency, rawSettings({}))).toBe(16);
    expect(readSetting(password, rawSettings({}))).toBeUndefined();
  });

  it('counts an empty value as unset', () => {
    expect(readSetting(concurrency, rawSettings({ WALG_CONCURRENCY: '', WALE_CONCURRENCY: '3' }))).toBe(3);
  });

  it('says which name was wrong, what it held and what is allowed', () => {
    expect(() => readSetting(concurrency, rawSettings({ WALE_CONCURRENCY: 'many' }))).toThrow(
      expect.objectContaining({
        kind: 'config',
        message: 'invalid value of WALE_CONCURRENCY: "many"; allowed: a whole number from 1',
        hint: 'Correct WALE_CONCURRENCY, or remove it to use the default 16.',
      }),
    );
  });

  it('does not show the value of a secret', () => {
    expect(() => readSetting(password, rawSettings({ WALG_PASSWORD: 'hunter2' }))).toThrow(
      'invalid value of WALG_PASSWORD: ***; allowed: a whole number',
    );
  });

  it('reads a group into typed values', () => {
    const group = { concurrency, name: optionalSetting('WALG_NAME', text, 'A name.') };
    expect(readSettings(group, rawSettings({ WALG_NAME: 'x' }))).toEqual({ concurrency: 16, name: 'x' });
  });

  it('checks every setting of ours that is set, also those that nobody reads, and leaves others to their owners', () => {
    const foreign = optionalSetting('PGNUMBER', integer(), 'A number of libpq.');
    const all = [foreign, concurrency];
    expect(() => checkSettings(all, rawSettings({ PGNUMBER: 'many', WALG_CONCURRENCY: '2' }))).not.toThrow();
    expect(() => checkSettings(all, rawSettings({ WALG_CONCURRENCY: 'many' }))).toThrow(SettingError);
  });

  it('leaves what only some commands mind to the commands that use it', () => {
    const level = optionalSetting('WALG_LEVEL', integer(), 'A number.', { whenUsed: true });
    expect(() => checkSettings([level], rawSettings({ WALG_LEVEL: 'high' }))).not.toThrow();
    expect(() => readSettings({ level }, rawSettings({ WALG_LEVEL: 'high' }))).toThrow(SettingError);
  });
});
