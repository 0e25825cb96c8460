/**
 * Reads an object of objects, `{"Files":{"/base/1":{…},…},…}`, entry by entry as its bytes arrive, so that objects bigger
 * than memory or a string can be read. Only the two outer levels are taken apart here.
 */
import type { ByteSource } from '../bytes/stage.ts';
import { CorruptError } from '../errors.ts';
import { parseJson } from './json.ts';

/** Receives the JSON text of one entry, not yet parsed. */
export type EntryVisitor = (section: string, name: string, text: string) => void;

/** What the scanner waits for. */
type Expected =
  | 'object'
  | 'section or end'
  | 'colon of section'
  | 'section value'
  | 'entry or end'
  | 'colon of entry'
  | 'entry value'
  | 'comma or end of section'
  | 'comma or end'
  | 'nothing';

const maxEntryBytes = 256 * 1024 * 1024;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Goes through all entries in the order of the text. A section that is no object (null, a list) has none.
 *
 * @param what what the text is, for errors
 * @throws CorruptError when the outer levels are no JSON, the text ends early, or an entry exceeds 256 MiB
 */
export async function readJsonEntries(source: ByteSource, what: string, visit: EntryVisitor): Promise<void> {
  const scanner = new EntryScanner(what, visit);
  for await (const chunk of source) scanner.feed(chunk);
  scanner.end();
}

/** One entry, its JSON text not yet parsed. */
export interface JsonEntry {
  readonly section: string;
  readonly name: string;
  readonly text: string;
}

/**
 * The same for whoever writes while it reads: the entries that each chunk completes.
 *
 * @throws as {@link readJsonEntries}
 */
export async function* jsonEntriesOf(source: ByteSource, what: string): AsyncGenerator<readonly JsonEntry[]> {
  let entries: JsonEntry[] = [];
  const scanner = new EntryScanner(what, (section, name, text) => {
    entries.push({ section, name, text });
  });
  for await (const chunk of source) {
    scanner.feed(chunk);
    yield entries;
    entries = [];
  }
  scanner.end();
}

class EntryScanner {
  readonly #what: string;
  readonly #visit: EntryVisitor;
  #expected: Expected = 'object';
  #section = '';
  #name = '';
  /** Bytes of the token in hand that earlier chunks held. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #inToken = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(what: string, visit: EntryVisitor) {
    this.#what = what;
    this.#visit = visit;
  }

  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) at = this.#inToken ? this.#continueToken(chunk, at) : this.#step(chunk, at);
  }

  end(): void {
    if (this.#expected !== 'nothing') throw this.#malformed('it ends early');
  }

  /** Takes one byte between tokens; returns where to go on. */
  #step(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] ?? 0;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1;
    switch (this.#expected) {
      case 'object':
        if (byte === openBrace) return this.#expect('section or end', at + 1);
        break;
      case 'section or end':
      case 'entry or end':
        if (byte === quote) return this.#startToken(at);
        if (byte === closeBrace && this.#afterBrace) {
          return this.#expect(this.#expected === 'section or end' ? 'nothing' : 'comma or end', at + 1);
        }
        break;
      case 'colon of section':
        if (byte === colon) return this.#expect('section value', at + 1);
        break;
      case 'section value':
        return byte === openBrace ? this.#expect('entry or end', at + 1) : this.#startToken(at);
      case 'colon of entry':
        if (byte === colon) return this.#expect('entry value', at + 1);
        break;
      case 'entry value':
        return this.#startToken(at);
      case 'comma or end of section':
      case 'comma or end': {
        const inSection = this.#expected === 'comma or end of section';
        if (byte === closeBrace) return this.#expect(inSection ? 'comma or end' : 'nothing', at + 1);
        if (byte === comma) {
          this.#expect(inSection ? 'entry or end' : 'section or end', at + 1);
          this.#afterBrace = false;
          return at + 1;
        }
        break;
      }
      case 'nothing':
        break;
    }
    throw this.#malformed(`unexpected ${JSON.stringify(String.fromCharCode(byte))}`);
  }

  /** An end may stand here: nothing has come yet since the opening brace. */
  #afterBrace = false;

  #expect(expected: Expected, next: number): number {
    this.#expected = expected;
    this.#afterBrace = true;
    return next;
  }

  #startToken(at: number): number {
    this.#inToken = true;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    return at;
  }

  /** Goes on to the end of the token, which is not part of it; keeps what the chunk holds of it. */
  #continueToken(chunk: Uint8Array, start: number): number {
    const isKey = this.#expected === 'section or end' || this.#expected === 'entry or end';
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) {
          this.#inString = false;
          if (isKey) return this.#endToken(chunk, start, at + 1);
        }
      } else if (byte === quote) this.#inString = true;
      else if (byte === openBrace || byte === openBracket) this.#depth++;
      else if (this.#depth === 0 && (byte === comma || byte === closeBrace)) return this.#endToken(chunk, start, at);
      else if (byte === closeBrace || byte === closeBracket) this.#depth--;
    }
    this.#hold(chunk.subarray(start));
    return chunk.length;
  }

  #hold(bytes: Uint8Array): void {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > maxEntryBytes) throw this.#malformed(`an entry is bigger than ${maxEntryBytes} bytes`);
    this.#held.push(Buffer.from(bytes));
  }

  #endToken(chunk: Uint8Array, start: number, end: number): number {
    let text: string;
    if (this.#held.length === 0) {
      text = Buffer.from(chunk.buffer, chunk.byteOffset + start, end - start).toString();
    } else {
      this.#hold(chunk.subarray(start, end));
      text = Buffer.concat(this.#held, this.#heldBytes).toString();
    }
    this.#held = [];
    this.#heldBytes = 0;
    this.#inToken = false;
    this.#take(text);
    return end;
  }

  #take(text: string): void {
    switch (this.#expected) {
      case 'section or end':
        this.#section = this.#keyOf(text);
        this.#expect('colon of section', 0);
        break;
      case 'entry or end':
        this.#name = this.#keyOf(text);
        this.#expect('colon of entry', 0);
        break;
      case 'section value':
        parseJson(text, `"${this.#section}" of ${this.#what}`);
        this.#expect('comma or end', 0);
        break;
      default:
        this.#visit(this.#section, this.#name, text);
        this.#expect('comma or end of section', 0);
    }
  }

  #keyOf(text: string): string {
    if (!/[\\\x00-\x1f]/.test(text)) return text.slice(1, -1);
    const key = parseJson(text, `a key of ${this.#what}`);
    return typeof key === 'string' ? key : text;
  }

  #malformed(how: string): CorruptError {
    return new CorruptError(`${this.#what} is not JSON: ${how}`);
  }
}
