import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { parseJson, stringifyJson } from '../../../../src/catalog/json.ts';
import { CorruptError } from '../../../../src/errors.ts';
import {
  rewriteFilesMetadata,
  rewriteMetadata,
  rewriteSentinel,
} from '../../../../src/postgres/copy/rewritten-notes.ts';
import { storedTexts } from '../../../../testtools/catalogue.ts';
import { lending } from '../../../../testtools/byte-sources.ts';

const nameOf = (name: string): string => name.replace(/\.(?:lz4|br|zst|lzma)$/, '.new');

async function filesMetadata(text: string, chunkBytes: number): Promise<string> {
  return (await collect(rewriteFilesMetadata(lending(Buffer.from(text), chunkBytes), { nameOf }))).toString();
}

describe('what is written about a backup that is encoded anew', () => {
  it.each(storedTexts('sentinel'))('changes nothing of the sentinel %s but the size', (_name, text) => {
    const rewritten = rewriteSentinel(text, { compressedBytes: 4711, nameOf });
    expect(rewritten).toBe(text.replace(/"CompressedSize":\d+/, '"CompressedSize":4711'));
  });

  it.each(storedTexts('metadata.json'))('changes nothing of %s but the size', (_name, text) => {
    const rewritten = rewriteMetadata(text, { compressedBytes: 4711 });
    expect(rewritten).toBe(text.replace(/"compressed_size":\d+/, '"compressed_size":4711'));
  });

  it.each(storedTexts('files_metadata.json'))('changes nothing of %s but the names of tars', async (_name, text) => {
    expect(text).toMatch(/"part_001\.tar\.\w+":/);
    const rewritten = await filesMetadata(text, 4099);
    expect(rewritten).toBe(text.replace(/"((?:part_\d+|backup_label)\.tar)\.\w+":/g, '"$1.new":'));
  });

  it('renames tars in sentinels of releases before 2.0, too', () => {
    const text = '{"LSN":1,"TarFileSets":{"part_1.tar.lz4":["/a"]},"Files":{"/a":{}},"CompressedSize":1}';
    expect(rewriteSentinel(text, { compressedBytes: 2, nameOf })).toBe(
      '{"LSN":1,"TarFileSets":{"part_1.tar.new":["/a"]},"Files":{"/a":{}},"CompressedSize":2}',
    );
  });

  it('refuses what is no JSON, or ends early', async () => {
    await expect(filesMetadata('{"Files":{"/a":{}', 3)).rejects.toThrow(CorruptError);
    expect(() => rewriteSentinel('[]', { compressedBytes: 1, nameOf })).toThrow(CorruptError);
  });

  it('keeps any other JSON of this form as it is, whatever the chunks', async () => {
    const entries = fc.dictionary(
      fc.constantFrom('Files', 'DatabasesByNames', 'Something'),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 40 }), async (value, chunkBytes) => {
        const text = JSON.stringify(value);
        const rewritten = await filesMetadata(text, chunkBytes);
        expect(stringifyJson(parseJson(rewritten, 'copy'))).toBe(stringifyJson(parseJson(text, 'source')));
      }),
      { numRuns: 300 },
    );
  });
});
