import { describe, expect, it } from 'vitest';
import { jsonEqual, NumberText, parseJson, stringifyJson } from '../../../src/catalog/json.ts';
import { CorruptError } from '../../../src/errors.ts';

const parse = (text: string) => parseJson(text, 'text');

describe('JSON', () => {
  it('keeps whole numbers beyond a double as bigint, others as numbers', () => {
    expect(parse('[7710462313664340823,9007199254740993,-9007199254740993,1,-1.5,0]')).toEqual([
      7710462313664340823n,
      9007199254740993n,
      -9007199254740993n,
      1,
      -1.5,
      0,
    ]);
  });

  it('keeps one that a double prints alike and does not equal', () => {
    expect(BigInt(Number('353734599934454850'))).toBe(353734599934454848n);
    expect(parse('[353734599934454850,7710462313664341000]')).toEqual([353734599934454850n, 7710462313664341000n]);
  });

  it.each([
    '{"SystemIdentifier":7710462313664340823,"n":null,"t":[true,false]}',
    '[1.10,1e3,-0,0.1234567890123456789012,1E400,18446744073709551616]',
    '{"__proto__":{"x":1},"constructor":2}',
    '"\\b\\f\\n\\r\\t\\u0000\\"\\\\"',
    '[[],{},""]',
  ])('writes %s as it read it', (text) => {
    expect(stringifyJson(parse(text))).toBe(text);
  });

  it('escapes what is not safe in HTML when asked, and line separators always', () => {
    const value = parse('"<a href=\\"x\\">&\u2028\u2029"');
    expect(stringifyJson(value, { htmlSafe: true })).toBe('"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u2029"');
    expect(stringifyJson(value)).toBe('"<a href=\\"x\\">&\\u2028\\u2029"');
    expect(stringifyJson(parse('{"<":1}'), { htmlSafe: true })).toBe('{"\\u003c":1}');
  });

  it('sorts keys by bytes, at all levels or the outermost', () => {
    const value = parse('{"b":{"z":1,"y":2},"9":1,"16384":[{"z":1,"y":2}],"\\ud83d\\ude00":1,"\\uffff":2}');
    expect(stringifyJson(value, { sortKeys: 'all' })).toBe(
      '{"16384":[{"y":2,"z":1}],"9":1,"b":{"y":2,"z":1},"\uffff":2,"😀":1}',
    );
    expect(stringifyJson(value, { sortKeys: 'top' })).toBe(
      '{"16384":[{"z":1,"y":2}],"9":1,"b":{"z":1,"y":2},"\uffff":2,"😀":1}',
    );
  });

  it('indents when asked', () => {
    expect(stringifyJson(parse('{"a":[1,{}],"b":[]}'), { indent: 2 })).toBe(
      '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
    );
  });

  it('leaves out undefined members, and refuses numbers that JSON has not', () => {
    expect(stringifyJson({ a: undefined, b: 1n })).toBe('{"b":1}');
    expect(() => stringifyJson({ a: Number.NaN })).toThrow(RangeError);
  });

  it.each(['', '{', '{"a":1,}', '[01]', 'NaN', "{'a':1}", '{"a":1}x', '"\u0001"', '{"a" 1}'])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(CorruptError);
    expect(() => parse(text)).toThrow(/^text is not JSON: /);
  });

  it('refuses nesting that would exhaust the stack, and only that', () => {
    expect(() => parse('['.repeat(1_000_000))).toThrow('text is not usable JSON: nested deeper than 500 levels');
    expect(() => parse(`${'{"a":'.repeat(501)}1${'}'.repeat(501)}`)).toThrow(CorruptError);
    expect(stringifyJson(parse(`${'['.repeat(500)}${']'.repeat(500)}`))).toHaveLength(1000);
    expect(parse(`[${'[],'.repeat(1000)}"${'['.repeat(1000)}\\"[[["]`)).toHaveLength(1001);
  });
});

describe('equality of JSON', () => {
  it.each([
    ['{"a":1,"b":[2]}', '{"b":[2.0],"a":1e0}'],
    ['1000000000000000000000', '1e21'],
    ['9007199254740993', '9007199254740993'],
    ['-0', '0'],
    ['null', 'null'],
    ['{"a":null}', '{"a":null}'],
  ])('holds between %s and %s', (a, b) => {
    expect(jsonEqual(parse(a), parse(b))).toBe(true);
  });

  it.each([
    ['9007199254740993', '9007199254740992'],
    ['{"a":null}', '{}'],
    ['{"a":null}', '{"b":null}'],
    ['[1,2]', '[2,1]'],
    ['[1]', '[1,1]'],
    ['[]', '{}'],
    ['1', '"1"'],
    ['1', 'true'],
    ['null', '{}'],
    ['1.5', '{}'],
    ['{"__proto__":1}', '{"a":1}'],
  ])('does not hold between %s and %s', (a, b) => {
    expect(jsonEqual(parse(a), parse(b))).toBe(false);
    expect(jsonEqual(parse(b), parse(a))).toBe(false);
  });

  it('takes the text of a number for its value', () => {
    expect(jsonEqual(new NumberText('1.10'), 1.1)).toBe(true);
    expect(jsonEqual(new NumberText('1.10'), '1.10')).toBe(false);
  });
});
