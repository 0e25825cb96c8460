/** The little of XML that the answers of storages need: elements without attributes that matter, never nested in their like. */

/** The text of the first element of that name, without its escapes; undefined when there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const found = patternsOf(name).first.exec(xml);
  if (found === null) return undefined;
  const [, text = ''] = found;
  return text.includes('&') || text.includes('<') ? text.replace(escape, unescaped) : text;
}

const escape = /<!\[CDATA\[(.*?)\]\]>|&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gis;

/** What is in each element of that name, as it is written. */
export function elementsOf(xml: string, name: string): readonly string[] {
  return Array.from(xml.matchAll(patternsOf(name).all), (match) => match[1] ?? '');
}

interface Patterns {
  readonly first: RegExp;
  readonly all: RegExp;
}

/** By name; to make one takes longer than to use it. */
const patterns = new Map<string, Patterns>();

function patternsOf(name: string): Patterns {
  const before = patterns.get(name);
  if (before !== undefined) return before;
  const pattern = `<(?:\\w+:)?${name}(?:\\s[^>]*?)?(?:/>|>(.*?)</(?:\\w+:)?${name}\\s*>)`;
  const made = { first: new RegExp(pattern, 's'), all: new RegExp(pattern, 'gs') };
  patterns.set(name, made);
  return made;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(whole: string, cdata?: string, hex?: string, decimal?: string, entity?: string): string {
  if (cdata !== undefined) return cdata;
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  if (entity !== undefined) return entities[entity] ?? whole;
  return Number.isInteger(code) && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

/** Text for an element. */
export function escaped(text: string): string {
  return text.replace(
    /[<>&"'\u0000-\u001f]/g,
    (character) => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`,
  );
}
