import { describe, expect, it } from 'vitest';
import {
  effectiveSettings,
  flagOf,
  settingOfFlag,
  settingsMarkdown,
  settingsText,
} from '../../../src/config/describe.ts';
import { integer, oneOf, text } from '../../../src/config/parsers.ts';
import { optionalSetting, rawSettings, setting } from '../../../src/config/setting.ts';

const sections = [
  {
    title: 'Things',
    groups: [
      {
        rate: setting('WALG_RATE', integer({ min: 1 }), '5', 'How fast.', { unit: 'bytes/s', aliases: ['WALE_RATE'] }),
        key: optionalSetting('WALG_KEY', text, 'A key.', { secret: true }),
      },
      { rate: setting('WALG_MODE', oneOf('a', 'b'), 'a', 'How.') },
    ],
  },
];

describe('the description of settings', () => {
  it('names flags', () => {
    expect(flagOf('WALG_FILE_PREFIX')).toBe('--walg-file-prefix');
    expect(settingOfFlag('walg-file-prefix')).toBe('WALG_FILE_PREFIX');
  });

  it('is a table in Markdown with types, defaults and aliases', () => {
    const markdown = settingsMarkdown(sections, ['WALG_LATER']);
    expect(markdown).toContain('| `WALG_RATE` | integer, bytes/s | `5` | How fast. Also WALE_RATE. |');
    expect(markdown).toContain('| `WALG_MODE` | a \\| b | `a` | How. |');
    expect(markdown).toContain('`WALG_LATER`');
  });

  it('is a list of flags for a terminal', () => {
    expect(settingsText(sections)).toContain('--walg-rate <bytes/s> (default 5)');
  });

  it('tells what is in effect, by the name that was used, without secrets', () => {
    expect(effectiveSettings(sections, rawSettings({ WALE_RATE: '7', WALG_KEY: 'hunter2' }))).toEqual([
      { name: 'WALE_RATE', value: '7', origin: 'environment' },
      { name: 'WALG_KEY', value: '***', origin: 'environment' },
      { name: 'WALG_MODE', value: 'a', origin: 'default' },
    ]);
  });
});
