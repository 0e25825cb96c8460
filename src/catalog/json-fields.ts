/** Reading the members of a stored JSON object, leniently in form (case of keys, null for absent) and strictly in type. */
import { CorruptError } from '../errors.ts';
import { isJsonObject, NumberText, parseJson, type JsonObject, type JsonValue } from './json.ts';
import { parseTime, type TimeNs } from './time.ts';

/** Members of one object. Absent and null are the same: undefined. */
export class JsonFields {
  readonly #what: string;
  readonly #object: JsonObject;
  #lowerCase: ReadonlyMap<string, JsonValue | undefined> | undefined;

  /** @param what what the object is, for errors: `sentinel of "base_…"`. @throws CorruptError when it is no object */
  constructor(value: JsonValue, what: string) {
    if (!isJsonObject(value)) throw new CorruptError(`${what} is not a JSON object`);
    this.#what = what;
    this.#object = value;
  }

  /** Parses a text that holds one object. @throws CorruptError */
  static parse(text: string, what: string): JsonFields {
    return new JsonFields(parseJson(text, what), what);
  }

  /** The member of that name, else one that differs only in case. */
  value(name: string): JsonValue | undefined {
    if (Object.hasOwn(this.#object, name)) return this.#object[name] ?? undefined;
    this.#lowerCase ??= new Map(Object.entries(this.#object).map(([key, value]) => [key.toLowerCase(), value]));
    return this.#lowerCase.get(name.toLowerCase()) ?? undefined;
  }

  /** All names and values, as they stand; for objects whose keys are data. */
  entries(): [string, JsonValue][] {
    return Object.entries(this.#object).map(([name, value]) => [name, value ?? null]);
  }

  /** A whole number of up to 64 bits. @throws CorruptError */
  integer(name: string): bigint | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const number = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
    if (typeof number !== 'bigint' || number < -(2n ** 63n) || number >= 2n ** 64n)
      throw this.#wrong(name, 'a whole number');
    return number;
  }

  /** A whole number that a double holds exactly: counts and sizes. @throws CorruptError */
  count(name: string): number | undefined {
    const value = this.integer(name);
    if (value === undefined) return undefined;
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#wrong(name, 'a whole number in range');
    return Number(value);
  }

  /** @throws CorruptError when it is no string */
  text(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.#wrong(name, 'a string');
  }

  /** @throws CorruptError when it is neither true nor false */
  flag(name: string): boolean | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.#wrong(name, 'true or false');
  }

  /** An RFC 3339 time. @throws CorruptError */
  time(name: string): TimeNs | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseTime(text);
  }

  /** A list of strings. @throws CorruptError */
  texts(name: string): readonly string[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
      throw this.#wrong(name, 'a list of strings');
    return value;
  }

  /** A list of counts. @throws CorruptError */
  counts(name: string): readonly number[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => Number.isSafeInteger(item))) {
      throw this.#wrong(name, 'a list of whole numbers');
    }
    return value as readonly number[];
  }

  /** A nested object. @throws CorruptError */
  object(name: string): JsonFields | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : new JsonFields(value, `"${name}" of ${this.#what}`);
  }

  /** What must be there. @throws CorruptError */
  required<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw new CorruptError(`${this.#what} lacks "${name}"`);
    return value;
  }

  #wrong(name: string, expected: string): CorruptError {
    const value = this.value(name);
    const shown = value instanceof NumberText ? ` (${value.text.slice(0, 40)})` : '';
    return new CorruptError(`"${name}" of ${this.#what} is not ${expected}${shown}`);
  }
}
