import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { formatTime, parseTime } from '../../../../src/catalog/time.ts';
import { ArchiverError, CorruptError } from '../../../../src/errors.ts';
import { loadFilesMetadata, readFilesMetadata } from '../../../../src/postgres/backup/files-metadata-reader.ts';
import {
  formatFilesMetadata,
  type DatabaseEntry,
  type FileEntry,
  type FilesMetadataEntries,
} from '../../../../src/postgres/backup/files-metadata.ts';
import { storedTexts } from '../../../../testtools/catalogue.ts';

const load = (text: string) => loadFilesMetadata(fromBytes(Buffer.from(text)));
const format = async (entries: FilesMetadataEntries) => (await collect(formatFilesMetadata(entries))).toString();

const time = parseTime('2026-11-21T03:08:13.344458247Z');
const plain: FileEntry = { isIncremented: false, isSkipped: true, modified: time, updatesCount: 7 };

describe('files_metadata.json', () => {
  it.each(storedTexts('files_metadata.json'))(
    'of WAL-G says the same when it is rewritten: %s',
    async (_path, text) => {
      const written = await format(await load(text));
      expect(JSON.parse(written)).toEqual(JSON.parse(text));
      expect(await load(written)).toEqual(await load(text));
    },
  );

  it('holds files, parts and databases, and leaves out what is empty', async () => {
    const files: [string, FileEntry][] = [
      ['/a<b', plain],
      ['/c', { ...plain, isSkipped: false, corruptBlocks: { count: 12, some: [1, 5] } }],
    ];
    const table = { oid: 5, relfilenode: 0, subtables: new Map([['public.q', { oid: 6, relfilenode: 6 }]]) };
    const databases: [string, DatabaseEntry][] = [
      ['postgres', { oid: 5, tables: new Map([['public.p', table]]) }],
      ['empty', { oid: 9, tables: new Map() }],
    ];
    const text = await format({
      files,
      tarFileSets: [
        ['part_001.tar.lz4', ['/a<b']],
        ['x', []],
      ],
      databases,
    });
    expect(text.replaceAll(formatTime(time, 'local'), formatTime(time))).toBe(
      '{"Files":{"/a<b":{"IsIncremented":false,"IsSkipped":true,"MTime":"2026-11-21T03:08:13.344458247Z","UpdatesCount":7},"/c":{"IsIncremented":false,"IsSkipped":false,"MTime":"2026-11-21T03:08:13.344458247Z","CorruptBlocks":{"CorruptBlocksCount":12,"SomeCorruptBlocks":[1,5]},"UpdatesCount":7}},"TarFileSets":{"part_001.tar.lz4":["/a<b"],"x":[]},"DatabasesByNames":{"postgres":{"oid":5,"tables_new":{"public.p":{"oid":5,"relfilenode":0,"subtables":{"public.q":{"oid":6,"relfilenode":6}}}}},"empty":{"oid":9}}}',
    );
    const loaded = await load(text);
    expect([...loaded.files]).toEqual(files);
    expect([...loaded.databases]).toEqual(databases);
    expect(await format({ files: [], tarFileSets: [] })).toBe('{}');
    expect(await format({ files: [], tarFileSets: [['a', []]] })).toBe('{"TarFileSets":{"a":[]}}');
  });

  it('is read whatever the order and case of keys, with null for a list or a section, and with keys of later releases', async () => {
    const loaded = await load(
      ' {"TarFileSets":{"p":null},"DatabasesByNames":null,"New":{"x":1},"files":{"/a":{"updatescount":7,"MTime":"2026-11-21T04:08:13.344458247+01:00","IsSkipped":true,"CorruptBlocks":null}}}',
    );
    expect([...loaded.files]).toEqual([['/a', { ...plain, isIncremented: false }]]);
    expect([...loaded.tarFileSets]).toEqual([['p', []]]);
    expect(loaded.databases.size).toBe(0);
  });

  it('is written and read in chunks', async () => {
    const count = 10_000;
    const files = Array.from({ length: count }, (_item, index): [string, FileEntry] => [`/base/1/${index}`, plain]);
    const chunks: Buffer[] = [];
    for await (const chunk of formatFilesMetadata({ files, tarFileSets: [] })) chunks.push(Buffer.from(chunk));
    expect(chunks.length).toBeGreaterThan(3);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(300 * 1024);
    let read = 0;
    await readFilesMetadata(fromBytes(Buffer.concat(chunks)), { file: () => (read += 1) });
    expect(read).toBe(count);
  });

  it.each([
    ['cut short', '{"Files":{"/a":{"IsIncremented":false'],
    ['an entry without a time', '{"Files":{"/a":{"IsIncremented":false}}}'],
    ['a flag that is none', '{"Files":{"/a":{"IsIncremented":"no","MTime":"2026-11-21T03:08:13Z"}}}'],
    ['an entry that is no object', '{"Files":{"/a":[]}}'],
    ['names that are none', '{"TarFileSets":{"p":[1]}}'],
    ['a relation that is none', '{"DatabasesByNames":{"d":{"oid":1,"tables_new":{"t":5}}}}'],
  ])('with %s is refused', async (_what, text) => {
    await expect(load(text)).rejects.toThrow(CorruptError);
  });

  it('survives any names, and refuses any other text with a typed error', async () => {
    const entry = fc.record({
      isIncremented: fc.boolean(),
      isSkipped: fc.boolean(),
      modified: fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
      updatesCount: fc.nat(),
    });
    const name = fc.string({ unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, entry), { selector: ([key]) => key }),
        fc.uniqueArray(fc.tuple(name, fc.array(name)), { selector: ([key]) => key }),
        fc.nat(),
        async (files, tarFileSets, cut) => {
          const text = await format({ files, tarFileSets });
          const loaded = await load(text);
          expect([...loaded.files]).toEqual(files);
          expect([...loaded.tarFileSets]).toEqual(tarFileSets);
          await expect(load(text.slice(0, cut % text.length))).rejects.toThrow(ArchiverError);
        },
      ),
    );
  });
});
