import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonEqual, parseJson, stringifyJson, type JsonValue } from '../../../src/catalog/json.ts';
import { CorruptError } from '../../../src/errors.ts';

const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'grapheme' }),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((number) => (Object.is(number, -0) ? 0 : number))
      // Its digits would be those of another whole number.
      .filter((number) => Number.isSafeInteger(number) || !/^-?\d+$/.test(String(number))),
    fc.bigInt({ min: -(1n << 70n), max: 1n << 70n }),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value')) as fc.Arbitrary<JsonValue>,
  ),
}));

it('every value survives, in every style', () => {
  const styles = [{}, { htmlSafe: true }, { indent: 4 }, { sortKeys: 'all' }, { sortKeys: 'top', indent: 1 }] as const;
  fc.assert(
    fc.property(anyValue, fc.constantFrom(...styles), (value, style) => {
      const text = stringifyJson(value, style);
      expect(jsonEqual(parseJson(text, 'text'), value)).toBe(true);
      expect(stringifyJson(parseJson(text, 'text'), style)).toBe(text);
    }),
  );
});

it('is what other parsers read', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(stringifyJson(value as JsonValue, { htmlSafe: true }))).toEqual(
        JSON.parse(JSON.stringify(value)),
      );
    }),
  );
});

it('any text is read or refused with a typed error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.stringMatching(/^[[\]{}",:0-9eE.a\\-]*$/)), (text) => {
      try {
        parseJson(text, 'text');
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptError);
      }
    }),
  );
});
