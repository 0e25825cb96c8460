import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allSettings as settings, knownSettingNames, namesNotUsedYet } from '../../../src/app/settings.ts';
import { rawSettings, readSetting } from '../../../src/config/setting.ts';

const source = resolve(import.meta.dirname, '..', '..', '..', 'src');

describe('the list of all settings', () => {
  it('declares every name once', () => {
    const names = settings.flatMap(({ env, aliases }) => [env, ...aliases]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('holds every setting that is declared anywhere', () => {
    const declared = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'config/setting.ts')
      .flatMap((file) => {
        const text = readFileSync(join(source, file), 'utf8');
        return [...text.matchAll(/\b(?:optionalSetting|setting)(?:<[^>]*>)?\(\s*'([A-Z_]+)'/g)].map(
          (match) => match[1],
        );
      });
    expect(declared.length).toBeGreaterThan(20);
    expect(declared.filter((name) => !settings.some(({ env }) => env === name))).toEqual([]);
  });

  it.each(settings)('$env has a default that is allowed, and a text', (setting) => {
    expect(() => readSetting(setting, rawSettings({}))).not.toThrow();
    expect(setting.text).toMatch(/\.(?: \(walvault only\))?$/);
    expect(setting.parser.allowed).not.toBe('');
  });

  it("knows WAL-G's names, used or not, in all their spellings", () => {
    const names = knownSettingNames();
    for (const name of [
      'WALG_FILE_PREFIX',
      'WALE_S3_PREFIX',
      'S3_SSE',
      'WALG_S3_SSE',
      'WALE_S3_SSE',
      'PGHOST',
      'PGDATA',
    ]) {
      expect(names, name).toContain(name);
    }
    expect(names).not.toContain('WALG_FILE_PREFX');
  });

  it('says which of them this version does not use', () => {
    expect(namesNotUsedYet()).toContain('OSS_REGION');
    const used = settings.flatMap(({ env, aliases }) => [env, ...aliases]);
    expect(namesNotUsedYet().filter((name) => used.includes(name))).toEqual([]);
  });
});
