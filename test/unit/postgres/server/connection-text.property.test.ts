import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseConnectionText } from '../../../../src/postgres/server/connection-text.ts';
import { ConnectionParameterError } from '../../../../src/postgres/server/errors.ts';
import { connectionSettings } from '../../../../src/postgres/server/settings.ts';

const known = new Set(Object.keys(connectionSettings));
const parameters = fc.dictionary(fc.constantFrom(...known), fc.string({ unit: 'grapheme', minLength: 1 }));
const withoutNul = parameters.filter((one) => Object.values(one).every((value) => !value.includes('\0')));

it('values survive the form of a list, whatever they hold', () => {
  fc.assert(
    fc.property(withoutNul, (values) => {
      const text = Object.entries(values)
        .map(([keyword, value]) => `${keyword}='${value.replaceAll(/[\\']/g, String.raw`\$&`)}'`)
        .join(' ');
      expect(Object.fromEntries(parseConnectionText(text, known))).toEqual({ ...values });
    }),
  );
});

it('values survive the form of a URI, whatever they hold', () => {
  fc.assert(
    fc.property(withoutNul, (values) => {
      const query = Object.entries(values).map(([keyword, value]) => `${keyword}=${encodeURIComponent(value)}`);
      const text = `postgresql:///?${query.join('&')}`;
      expect(Object.fromEntries(parseConnectionText(text, known))).toEqual({ ...values });
    }),
  );
});

it('any text is read or refused', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...Array.from("postgresql:/@[],?&=%'\\ ab5")) }),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom('', 'postgresql://'), (text, prefix) => {
      try {
        parseConnectionText(prefix + text, known);
      } catch (error) {
        expect(error).toBeInstanceOf(ConnectionParameterError);
      }
    }),
    { numRuns: 1_000 },
  );
});
