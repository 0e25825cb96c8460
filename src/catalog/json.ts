/**
 * JSON that loses nothing: `SystemIdentifier` and LSNs exceed a double, and user data is other people's. Numbers are read
 * as numbers where their text survives that, whole ones as bigint where it does not, and all others keep their text.
 */
import { CorruptError, messageOf } from '../errors.ts';

/** A number whose text would change by being a number: `1.10`, `1e3`, `-0`, more digits than a double holds. */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A JSON value. Whole numbers of any size may be bigint. */
export type JsonValue = null | boolean | string | number | bigint | NumberText | readonly JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** How {@link stringifyJson} writes. */
export interface JsonStyle {
  /** Escape `<`, `>`, `&`, U+2028 and U+2029, as WAL-G does in sentinels and metadata. Default: only the last two. */
  readonly htmlSafe?: boolean;
  /** Sort keys by their bytes, of every object or of the outermost only. Default: as they come. */
  readonly sortKeys?: 'all' | 'top';
  /** Spaces of indentation. Default: compact. */
  readonly indent?: number;
}

/** How deep values may be nested, far below what would exhaust the stack. */
const maxDepth = 500;

/**
 * Parses one JSON value; of a key given twice the last one counts.
 *
 * @param what what the text is, for the error: `sentinel of "base_…"`
 * @throws CorruptError when it is no JSON or is nested deeper than 500 levels
 */
export function parseJson(text: string, what: string): JsonValue {
  if (nestsTooDeep(text)) throw new CorruptError(`${what} is not usable JSON: nested deeper than ${maxDepth} levels`);
  try {
    return JSON.parse(text, revive) as JsonValue;
  } catch (cause) {
    throw new CorruptError(`${what} is not JSON: ${shorten(messageOf(cause))}`, { cause });
  }
}

/** What the parser of Node gives besides; not in TypeScript's library yet. */
interface ReviverContext {
  readonly source?: string;
}

function revive(this: unknown, _key: string, value: unknown, context?: ReviverContext): unknown {
  if (typeof value !== 'number') return value;
  const source = context?.source ?? String(value);
  // Above 2^53 a number may print as the text it came from and still be another.
  if (String(value) === source && (Number.isSafeInteger(value) || !Number.isInteger(value))) return value;
  return /^(?:0|-?[1-9]\d*)$/.test(source) ? BigInt(source) : new NumberText(source);
}

function shorten(message: string): string {
  return message.length <= 200 ? message : `${message.slice(0, 200)}…`;
}

/** Counts brackets outside of strings; text that is no JSON may be miscounted, and is refused afterwards anyway. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quoteCode) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}

const quoteCode = 0x22;
const backslashCode = 0x5c;

/** Index of the quote that ends the string which starts at `start`; the text's length when none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslashCode) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** Whether the value is an object, not an array or a number's text. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
}

/** Writes a value. Keys whose value is undefined are left out. */
export function stringifyJson(value: JsonValue, style: JsonStyle = {}): string {
  const { sortKeys, ...inner } = style;
  return write(value, style, sortKeys === 'top' ? inner : style, '\n');
}

function write(value: JsonValue, style: JsonStyle, innerStyle: JsonStyle, newLine: string): string {
  if (typeof value === 'string') return quote(value, style);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`no JSON number: ${value}`);
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof NumberText) return value.text;
  const inner = style.indent === undefined ? '' : newLine + ' '.repeat(style.indent);
  const outer = style.indent === undefined ? '' : newLine;
  const writeInner = (item: JsonValue) => write(item, innerStyle, innerStyle, inner);
  if (isList(value)) {
    return value.length === 0 ? '[]' : `[${inner}${value.map(writeInner).join(`,${inner}`)}${outer}]`;
  }
  const colon = style.indent === undefined ? ':' : ': ';
  const members: string[] = [];
  for (const key of style.sortKeys === undefined ? Object.keys(value) : sortedKeys(value)) {
    const member = value[key];
    if (member !== undefined) members.push(`${quote(key, style)}${colon}${writeInner(member)}`);
  }
  return members.length === 0 ? '{}' : `{${inner}${members.join(`,${inner}`)}${outer}}`;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function sortedKeys(object: JsonObject): string[] {
  return Object.keys(object).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

function quote(text: string, style: JsonStyle): string {
  const quoted = JSON.stringify(text);
  const unsafe = style.htmlSafe === true ? /[<>&\u2028\u2029]/g : /[\u2028\u2029]/g;
  return quoted.replace(unsafe, (character) => escapes[character] ?? character);
}

/** Deep equality: numbers by value (`1.0` is `1`), objects whatever the order of their keys. */
export function jsonEqual(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (isNumeric(a) || isNumeric(b)) return isNumeric(a) && isNumeric(b) && sameNumber(a, b);
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (isList(a) || isList(b)) {
    if (!isList(a) || !isList(b) || a.length !== b.length) return false;
    return a.every((item, index) => jsonEqual(item, b[index] ?? null));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key] ?? null, b[key] ?? null));
}

type Numeric = number | bigint | NumberText;

function isNumeric(value: JsonValue): value is Numeric {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof NumberText;
}

function sameNumber(a: Numeric, b: Numeric): boolean {
  // Loosely, since that compares a bigint with a number by value.
  return comparable(a) == comparable(b);
}

function comparable(value: Numeric): number | bigint {
  return value instanceof NumberText ? Number(value.text) : value;
}
