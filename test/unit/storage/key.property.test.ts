import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkKey, InvalidKeyError } from '../../../src/storage/key.ts';

const component = fc.oneof(fc.constantFrom('', '.', '..', '...', 'a', 'b.lz4', '\0', '\ud800'), fc.string());
const anyKey = fc.oneof(
  fc.string(),
  fc.array(component).map((parts) => parts.join('/')),
);

describe('keys', () => {
  it('are refused, or name one thing below the root, written in one way', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        try {
          checkKey(key);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidKeyError);
          return;
        }
        expect(relative('/root', join('/root', key))).toBe(key);
        expect(Buffer.from(key).toString()).toBe(key);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused with a reason, in one line', () => {
    expect(() => {
      checkKey('a\n/../b');
    }).toThrow('not a valid object name: "a\\n/../b" (it contains "..")');
  });
});
