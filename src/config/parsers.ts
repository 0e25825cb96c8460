/** The value syntaxes of settings (`config.md` 1.3 of the specification). Each refuses what it does not fully understand. */
import type { Parser } from './setting.ts';

/** Any text; trailing line ends are removed, so that a value read from a file works. */
export const text: Parser<string> = {
  type: 'text',
  allowed: 'any text',
  parse: (value) => value.replace(/[\r\n]+$/, ''),
};

/** A path in the file system. */
export const path: Parser<string> = { ...text, type: 'path', allowed: 'a path' };

const truths = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
]);

/** Go's booleans: 1 t T true TRUE True, 0 f F false FALSE False. */
export const boolean: Parser<boolean> = {
  type: 'boolean',
  allowed: 'true or false (also t, f, 1, 0)',
  parse(value) {
    const truth = truths.get(value.trim());
    if (truth === undefined) throw new Error('not a boolean');
    return truth;
  },
};

/** A whole number without units or separators. */
export function integer(range: { readonly min?: number; readonly max?: number } = {}): Parser<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = range;
  const from = min === Number.MIN_SAFE_INTEGER ? '' : ` from ${min}`;
  const to = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
  return {
    type: 'integer',
    allowed: `a whole number${from}${to}`,
    parse(value) {
      const trimmed = value.trim();
      if (!/^[+-]?\d{1,16}$/.test(trimmed)) throw new Error('not a whole number');
      const number = Number(trimmed);
      if (!Number.isSafeInteger(number) || number < min || number > max) throw new Error('out of range');
      return number;
    },
  };
}

const sizeUnits = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1024],
  ['mb', 1024 ** 2],
  ['gb', 1024 ** 3],
]);

/** A number of bytes, or a number with b, kb, mb or gb (multiples of 1024, upper or lower case); the value is in whole bytes. */
export function byteSize({ min = 0 }: { readonly min?: number } = {}): Parser<number> {
  return {
    type: 'size',
    allowed: `a number of bytes, also with kb, mb or gb${min === 0 ? '' : `, at least ${min}`}`,
    parse(value) {
      const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kmg]?b|)$/i.exec(value.trim()) ?? [];
      const bytes = Math.floor(Number(number) * (sizeUnits.get(unit?.toLowerCase() ?? '?') ?? Number.NaN));
      if (!Number.isSafeInteger(bytes) || bytes < min) throw new Error('not a size');
      return bytes;
    },
  };
}

/** One of some words, matched exactly. */
export function oneOf<const W extends string>(...words: readonly W[]): Parser<W> {
  return {
    type: words.join(' | '),
    allowed: words.join(', '),
    parse(value) {
      const word = words.find((candidate) => candidate === value.trim());
      if (word === undefined) throw new Error('not one of the words');
      return word;
    },
  };
}

const unitMs = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** A Go duration such as `1h30m`, `15s` or `0`; the value is in milliseconds, not negative. */
export const duration: Parser<number> = {
  type: 'duration',
  allowed: 'a duration such as 30s, 5m or 1h30m',
  parse(value) {
    const trimmed = value.trim();
    if (trimmed === '0') return 0;
    if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(trimmed)) throw new Error('not a duration');
    let total = 0;
    for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|μs|ms|s|m|h)/g)) {
      total += Number(number) * (unitMs.get(unit ?? '') ?? Number.NaN);
    }
    if (!Number.isFinite(total)) throw new Error('not a duration');
    return total;
  },
};

/** Any JSON value; kept as the text, since numbers may exceed a double. */
export const json: Parser<string> = {
  type: 'JSON',
  allowed: 'a JSON value',
  parse(value) {
    JSON.parse(value);
    return value;
  },
};
