/** The little of XML that the answers of storages need: elements without attributes that matter, never nested in their like. */

/** The text of the first element of that name, without its escapes; undefined when there is none. */
export function textOf(xml: string, name: string): string | undefined {
  return elementsOf(xml, name)[0]?.replace(/<!\[CDATA\[(.*?)\]\]>|&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gis, unescaped);
}

/** What is in each element of that name, as it is written. */
export function elementsOf(xml: string, name: string): readonly string[] {
  const matches = xml.matchAll(
    new RegExp(`<(?:\\w+:)?${name}(?:\\s[^>]*?)?(?:/>|>(.*?)</(?:\\w+:)?${name}\\s*>)`, 'gs'),
  );
  return [...matches].map((match) => match[1] ?? '');
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
