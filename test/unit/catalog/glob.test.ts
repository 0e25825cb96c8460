import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArchiverError } from '../../../src/errors.ts';
import { globMatcher } from '../../../src/catalog/glob.ts';

describe('globMatcher', () => {
  it.each([
    ['/base/1/*', '/base/1/1247', true],
    ['/base/*', '/base/1/1247', false],
    ['/base/?/1247', '/base/1/1247', true],
    ['/base/?/1247', '/base/12/1247', false],
    ['/base/[1-4]/124[^8]', '/base/4/1247', true],
    ['/base/[1-4]/124[^8]', '/base/5/1247', false],
    ['/base/[1-4]/124[^8]', '/base/1/1248', false],
    ['/[]a]', '/]', true],
    ['/a\\*', '/a*', true],
    ['/a\\*', '/ab', false],
    ['/a.c', '/abc', false],
    ['/*.conf', '/postgresql.auto.conf', true],
    ['', '', true],
  ])('%j on %j is %j', (pattern, name, matches) => {
    expect(globMatcher(pattern)(name)).toBe(matches);
  });

  it.each(['/[', '/[a', '/[]', '/a\\', '/[z-a]'])('refuses the pattern %j', (pattern) => {
    expect(() => globMatcher(pattern)).toThrow(expect.objectContaining({ kind: 'usage' }) as Error);
  });

  it('takes or refuses any pattern, and a name without special characters matches itself', () => {
    fc.assert(
      fc.property(fc.string(), (pattern) => {
        try {
          const matches = globMatcher(pattern)(pattern);
          if (!/[*?[\\]/.test(pattern)) expect(matches).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiverError);
        }
      }),
    );
  });
});
