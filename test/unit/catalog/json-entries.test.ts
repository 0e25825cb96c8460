import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../../src/bytes/stage.ts';
import { readJsonEntries } from '../../../src/catalog/json-entries.ts';
import { parseJson } from '../../../src/catalog/json.ts';
import { CorruptError } from '../../../src/errors.ts';

/** Cuts a text into chunks, all lent in one buffer that is overwritten. */
async function* inChunks(text: string, chunkBytes: number): ByteSource {
  const bytes = Buffer.from(text);
  const lent = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    await Promise.resolve();
    const length = bytes.copy(lent, 0, at, at + chunkBytes);
    yield lent.subarray(0, length);
    lent.fill(0x7b);
  }
}

async function entries(text: string, chunkBytes = 1000): Promise<[string, string, unknown][]> {
  const found: [string, string, unknown][] = [];
  await readJsonEntries(inChunks(text, chunkBytes), 'text', (section, name, json) => {
    found.push([section, name, JSON.parse(json)]);
  });
  return found;
}

describe('reading a big object entry by entry', () => {
  const text =
    '{ "Files" : {"/a\\"}{":{"x":[1,"}"]},\n"/b":{}} ,"Nothing":null,"List":[{"a":1}],"T":{"p":["/a","\\\\"], "é":1}}\n';
  const expected = [
    ['Files', '/a"}{', { x: [1, '}'] }],
    ['Files', '/b', {}],
    ['T', 'p', ['/a', '\\']],
    ['T', 'é', 1],
  ];

  it.each([1, 2, 3, 7, 1000])(
    'gives all entries of the two outer levels, in chunks of %i bytes',
    async (chunkBytes) => {
      expect(await entries(text, chunkBytes)).toEqual(expected);
    },
  );

  it('gives none of an empty object', async () => {
    expect(await entries('{}')).toEqual([]);
    expect(await entries('{"Files":{}}')).toEqual([]);
  });

  it.each([
    '',
    ' ',
    '[]',
    'null',
    '{"a":{}',
    '{"a":{}}}',
    '{"a":{}} {}',
    '{"a":{},}',
    '{,"a":{}}',
    '{"a":{"b":1,}}',
    '{"a":{"b":1 "c":2}}',
    '{"a":{"b"}}',
    '{"a":{b:1}}',
    '{"a" {}}',
    '{"a":}',
    '{"a":nope}',
    '{"a":{"b":1',
    '{"a":{"b":"x}}',
  ])('refuses %j', async (broken) => {
    await expect(
      readJsonEntries(inChunks(broken, 3), 'text', (_section, _name, json) => void parseJson(json, 'entry')),
    ).rejects.toThrow(CorruptError);
  });

  it('never hangs or fails otherwise, and finds what JSON.parse finds', async () => {
    const object = fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()));
    await fc.assert(
      fc.asyncProperty(object, fc.integer({ min: 1, max: 50 }), async (value, chunkBytes) => {
        const json = JSON.stringify(value);
        const plain = JSON.parse(json) as Record<string, Record<string, unknown>>;
        const flat = Object.entries(plain).flatMap(([section, inner]) =>
          Object.entries(inner).map(([name, one]) => [section, name, one]),
        );
        expect(await entries(json, chunkBytes)).toEqual(flat);
        const cut = json.slice(0, -1);
        await expect(readJsonEntries(inChunks(cut, chunkBytes), 'text', () => undefined)).rejects.toThrow(CorruptError);
      }),
    );
  });

  it('answers any text with entries or a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^\{[{}[\]",:a\\ ]*$/), async (garbage) => {
        try {
          await readJsonEntries(inChunks(garbage, 5), 'text', () => undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
    );
  });
});
