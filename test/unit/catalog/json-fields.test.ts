import { describe, expect, it } from 'vitest';
import { JsonFields } from '../../../src/catalog/json-fields.ts';
import { CorruptError } from '../../../src/errors.ts';

const fields = (text: string) => JsonFields.parse(text, 'thing');

describe('members of a stored object', () => {
  it('are found by their exact name, else whatever the case', () => {
    expect(fields('{"spec":1,"Spec":2}').value('Spec')).toBe(2);
    expect(fields('{"spec":1}').value('Spec')).toBe(1);
    expect(fields('{"constructor":1}').value('toString')).toBeUndefined();
  });

  it('are absent when they are null', () => {
    const nulls = fields('{"a":null}');
    expect([
      nulls.integer('a'),
      nulls.text('a'),
      nulls.flag('a'),
      nulls.time('a'),
      nulls.texts('a'),
      nulls.object('a'),
    ]).toEqual(Array<undefined>(6).fill(undefined));
  });

  it('have the type one asks for, or the error names them', () => {
    const all = fields(
      '{"n":7710462313664340823,"h":1.5,"e":1e3,"s":"x","l":["a",1],"b":true,"z":18446744073709551616}',
    );
    expect(all.integer('n')).toBe(7710462313664340823n);
    expect(() => all.count('n')).toThrow('"n" of thing is not a whole number in range');
    for (const name of ['h', 'e', 's', 'b', 'l', 'z']) {
      expect(() => all.integer(name)).toThrow(CorruptError);
      expect(() => all.integer(name)).toThrow(`"${name}" of thing is not a whole number`);
    }
    expect(() => all.count('h')).toThrow(CorruptError);
    expect(() => all.text('n')).toThrow('"n" of thing is not a string');
    expect(() => all.flag('s')).toThrow('"s" of thing is not true or false');
    expect(() => all.texts('l')).toThrow('"l" of thing is not a list of strings');
    expect(() => all.counts('l')).toThrow('"l" of thing is not a list of whole numbers');
    expect(() => all.time('s')).toThrow(CorruptError);
    expect(() => all.object('s')).toThrow('"s" of thing is not a JSON object');
  });

  it('can be required', () => {
    expect(() => fields('{}').required('a', undefined)).toThrow('thing lacks "a"');
  });

  it.each(['[]', '1', '1.10', '"x"', 'null'])('are not those of %s', (text) => {
    expect(() => fields(text)).toThrow('thing is not a JSON object');
  });
});
