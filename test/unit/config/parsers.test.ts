import { describe, expect, it } from 'vitest';
import { boolean, byteSize, duration, integer, json, oneOf, path, text } from '../../../src/config/parsers.ts';

describe('the parsers of settings', () => {
  it('remove line ends at the end of a text and keep everything else', () => {
    expect(text.parse(' a b \r\n')).toBe(' a b ');
    expect(path.parse('/srv/a b\n')).toBe('/srv/a b');
  });

  it("read Go's booleans and nothing else", () => {
    for (const word of ['1', 't', 'T', 'true', 'TRUE', 'True', ' true']) expect(boolean.parse(word)).toBe(true);
    for (const word of ['0', 'f', 'F', 'false', 'FALSE', 'False\n']) expect(boolean.parse(word)).toBe(false);
    for (const word of ['yes', 'on', 'tRUE', '', '2']) expect(() => boolean.parse(word)).toThrow();
  });

  it('read whole numbers within their range', () => {
    const percent = integer({ min: 1, max: 100 });
    expect(percent.parse(' 42 ')).toBe(42);
    expect(percent.parse('+7')).toBe(7);
    for (const word of ['0', '101', '-1', '1.5', '1e2', '0x10', '1k', '', ' ']) {
      expect(() => percent.parse(word), word).toThrow();
    }
    expect(() => integer().parse('9007199254740993')).toThrow();
    expect(percent.allowed).toBe('a whole number from 1 to 100');
  });

  it('read durations in milliseconds', () => {
    const cases = { '0': 0, '15s': 15_000, '1h30m': 5_400_000, '1.5s': 1500, '2ms': 2, '1s500ms': 1500, '3us': 0.003 };
    for (const [word, ms] of Object.entries(cases)) expect(duration.parse(word), word).toBeCloseTo(ms, 6);
    for (const word of ['15', '-1s', '1 s', 's', '1d', '', '1s2']) expect(() => duration.parse(word), word).toThrow();
  });

  it('read sizes in bytes', () => {
    const cases = { '0': 0, '1000': 1000, '1b': 1, '2 KB': 2048, '1.5mb': 1_572_864, '3gb\n': 3 * 1024 ** 3 };
    for (const [word, bytes] of Object.entries(cases)) expect(byteSize().parse(word), word).toBe(bytes);
    for (const word of ['', 'mb', '-1', '1 tb', '1k', '1e3', '.5gb', '9007199254740993']) {
      expect(() => byteSize().parse(word), word).toThrow();
    }
    expect(() => byteSize({ min: 1024 }).parse('1023')).toThrow();
  });

  it('read one of some words, exactly', () => {
    const level = oneOf('NORMAL', 'DEVEL');
    expect(level.parse('DEVEL\n')).toBe('DEVEL');
    expect(() => level.parse('devel')).toThrow();
  });

  it('keep JSON as it was written', () => {
    expect(json.parse('{"id": 7123456789012345678}')).toBe('{"id": 7123456789012345678}');
    expect(() => json.parse('{id: 1}')).toThrow();
  });
});
