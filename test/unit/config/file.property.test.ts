import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfigFile } from '../../../src/config/file.ts';
import { ArchiverError } from '../../../src/errors.ts';

describe('a configuration file', () => {
  it('of any content gives texts or an error of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.constantFrom('json', 'yaml', 'toml', 'env'), async (content, extension) => {
        try {
          for (const text of (await parseConfigFile(content, extension)).values()) expect(text).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiverError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives back the texts that were written as JSON', async () => {
    const texts = fc.dictionary(fc.stringMatching(/^[A-Z_]{1,9}$/), fc.string({ minLength: 1 }));
    await fc.assert(
      fc.asyncProperty(texts, async (written) => {
        const read = await parseConfigFile(JSON.stringify(written), 'json');
        expect(Object.fromEntries(read)).toEqual({ ...written });
      }),
    );
  });
});
