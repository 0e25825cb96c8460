import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTime } from '../../../../src/catalog/time.ts';
import { ArchiverError, CorruptError } from '../../../../src/errors.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { metadataOfSentinel } from '../../../../src/postgres/backup/metadata.ts';
import { formatSentinel, parseSentinel, type FullSentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { storedTexts } from '../../../../testtools/catalogue.ts';

const summary = {
  startTime: parseTime('2026-01-02T03:04:05.123456Z'),
  finishTime: parseTime('2026-01-02T03:04:05.123456Z'),
  hostname: 'h',
  dataDirectory: '/pg/data',
  isPermanent: false,
};

const full: FullSentinel = {
  kind: 'full',
  startLsn: toLsn(33554472n),
  finishLsn: toLsn(33554736n),
  pgVersion: 150004,
  systemIdentifier: 7300000000000000001n,
  uncompressedBytes: 10,
  compressedBytes: 5,
  dataDirectoryBytes: 9,
  tablespaces: undefined,
  userData: undefined,
  filesMetadataDisabled: false,
  summary,
};

describe('a sentinel', () => {
  it.each(storedTexts('sentinel'))('of WAL-G is written as it was read: %s', (_path, text) => {
    expect(formatSentinel(parseSentinel(text))).toBe(text);
  });

  it('of a full backup is written like the vector of the specification', () => {
    expect(formatSentinel(full)).toBe(
      '{"LSN":33554472,"PgVersion":150004,"FinishLSN":33554736,"SystemIdentifier":7300000000000000001,"UncompressedSize":10,"CompressedSize":5,"DataCatalogSize":9,"ChkpNum":null,"Version":2,"StartTime":"2026-01-02T03:04:05.123456Z","FinishTime":"2026-01-02T03:04:05.123456Z","DateFmt":"%Y-%m-%dT%H:%M:%S.%fZ","Hostname":"h","DataDir":"/pg/data","IsPermanent":false}',
    );
  });

  it('sorts tablespaces by their names as text, and user data at every level', () => {
    const text = formatSentinel({
      ...full,
      tablespaces: {
        basePrefix: '/pg/data/',
        tablespaces: [
          { name: '9', location: '/b/', link: 'pg_tblspc/9' },
          { name: '16384', location: '/a', link: 'pg_tblspc/16384' },
        ],
      },
      userData: { b: { z: '<', y: 1 }, a: 1 },
      filesMetadataDisabled: true,
    });
    expect(text).toContain(
      '"Spec":{"16384":{"loc":"/a","link":"pg_tblspc/16384"},"9":{"loc":"/b","link":"pg_tblspc/9"},"base_prefix":"/pg/data","tablespaces":["9","16384"]},"UserData":{"a":1,"b":{"y":1,"z":"\\u003c"}},"FilesMetadataDisabled":true,"ChkpNum":null',
    );
    expect(formatSentinel(parseSentinel(text))).toBe(text);
  });

  it('without a summary is written as version 1', () => {
    expect(formatSentinel({ ...full, startLsn: undefined, systemIdentifier: undefined, summary: undefined })).toBe(
      '{"LSN":null,"PgVersion":150004,"FinishLSN":33554736,"UncompressedSize":10,"CompressedSize":5,"DataCatalogSize":9,"ChkpNum":null}',
    );
  });

  it('of a delta names its parent, root and step', () => {
    const text =
      '{"LSN":9,"DeltaLSN":5,"DeltaFrom":"p","DeltaFullName":"f","DeltaCount":2,"PgVersion":150020,"FinishLSN":10,"UncompressedSize":1,"CompressedSize":1,"ChkpNum":null}';
    expect(parseSentinel(text)).toMatchObject({ kind: 'delta', parent: 'p', parentLsn: 5n, root: 'f', steps: 2 });
    expect(formatSentinel(parseSentinel(text))).toBe(text);
  });

  it.each(['DeltaLSN', 'DeltaFullName', 'DeltaCount'])('of a delta without %s is refused', (key) => {
    const whole = { LSN: 9, DeltaLSN: 5, DeltaFrom: 'p', DeltaFullName: 'f', DeltaCount: 2, PgVersion: 1 };
    expect(() => parseSentinel(JSON.stringify({ ...whole, [key]: undefined }), 'sentinel of "b"')).toThrow(
      `sentinel of "b" lacks "${key}"`,
    );
  });

  it('of release 1.1 brings its files metadata, and the base LSN under its old name', () => {
    const sentinel = parseSentinel(
      '{"LSN":9,"DeltaLSN":1,"DeltaFromLSN":5,"DeltaFrom":"p","DeltaFullName":"f","DeltaCount":1,"PgVersion":100000,"FinishLSN":10,"Spec":null,"Files":{"/a":{"IsIncremented":true,"IsSkipped":false,"MTime":"2019-01-01T00:00:00.5+01:00"}},"TarFileSets":{"part_001.tar.lz4":["/a"]}}',
    );
    expect(sentinel).toMatchObject({ kind: 'delta', parentLsn: 5n, tablespaces: undefined, summary: undefined });
    expect(sentinel.embeddedFiles?.files.get('/a')).toEqual({
      isIncremented: true,
      isSkipped: false,
      modified: parseTime('2018-12-31T23:00:00.5Z'),
      updatesCount: 0,
    });
    expect(sentinel.embeddedFiles?.tarFileSets.get('part_001.tar.lz4')).toEqual(['/a']);
    expect(() => formatSentinel(sentinel)).toThrow(CorruptError);
  });

  it('of WAL-E is read as far as it goes', () => {
    const sentinel = parseSentinel(
      '{"wal_segment_backup_stop":"000000010000000000000002","expanded_size_bytes":1,"spec":{"base_prefix":"/pg/","tablespaces":[]}}',
    );
    expect(sentinel).toMatchObject({
      kind: 'full',
      startLsn: undefined,
      pgVersion: 0,
      tablespaces: { basePrefix: '/pg', tablespaces: [] },
    });
    expect(metadataOfSentinel(sentinel)).toBeUndefined();
  });

  it('with a negative system identifier means the unsigned one', () => {
    expect(parseSentinel('{"SystemIdentifier":-1}').systemIdentifier).toBe(0xffff_ffff_ffff_ffffn);
  });

  it.each([
    ['a listed tablespace that is not described', '{"Spec":{"base_prefix":"/","tablespaces":["1"]}}', 'lacks "1"'],
    ['an LSN as text', '{"LSN":"0/2000028"}', '"LSN" of sentinel is not a whole number'],
    ['a time that is none', '{"StartTime":"yesterday","FinishTime":"2026-01-01T00:00:00Z"}', 'not an RFC 3339 time'],
    ['half of its text', '{"LSN":1,"Pg', 'sentinel is not JSON'],
    ['a list for an object', '[]', 'sentinel is not a JSON object'],
  ])('with %s is refused', (_what, text, message) => {
    expect(() => parseSentinel(text)).toThrow(CorruptError);
    expect(() => parseSentinel(text)).toThrow(message);
  });

  it('is read or refused with a typed error, whatever it holds', () => {
    const keys = ['LSN', 'DeltaFrom', 'Spec', 'UserData', 'Files', 'StartTime', 'FinishTime', 'SystemIdentifier', 'x'];
    const any = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(any, (text) => {
        try {
          parseSentinel(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiverError);
        }
      }),
    );
  });
});
