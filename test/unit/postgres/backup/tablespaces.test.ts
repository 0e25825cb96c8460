import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { parseRestoreSpec, planTablespaces } from '../../../../src/postgres/backup/tablespaces.ts';
import type { TablespaceSpec } from '../../../../src/postgres/backup/tablespace-spec.ts';

const recorded: TablespaceSpec = {
  basePrefix: '/pg/data',
  tablespaces: [{ name: '16384', location: '/mnt/ts1', link: 'pg_tblspc/16384' }],
};

function spec(basePrefix: string, ...locations: readonly (readonly [string, string])[]): TablespaceSpec {
  return {
    basePrefix,
    tablespaces: locations.map(([name, location]) => ({ name, location, link: `pg_tblspc/${name}` })),
  };
}

const usage = expect.objectContaining({ kind: 'usage' }) as Error;

describe('planTablespaces', () => {
  it('has nothing to do without tablespaces, and keeps the empty map', () => {
    expect(planTablespaces({ destination: '/new', recorded: undefined, spec: undefined })).toEqual({
      directories: {},
      asRecorded: true,
    });
  });

  it('puts them back where they were when the data directory is restored to its own place', () => {
    const back = { directories: { '16384': '/mnt/ts1' }, asRecorded: true };
    expect(planTablespaces({ destination: '/pg/data', recorded, spec: undefined })).toEqual(back);
    expect(planTablespaces({ destination: '/real', alias: '/pg/data', recorded, spec: undefined })).toEqual(back);
  });

  it('keeps them inside the destination anywhere else, never in the original place', () => {
    expect(planTablespaces({ destination: '/new', recorded, spec: undefined })).toEqual({
      directories: { '16384': '/new/tablespaces/16384' },
      asRecorded: false,
    });
  });

  it('follows a restore specification', () => {
    expect(planTablespaces({ destination: '/new', recorded, spec: spec('/new', ['16384', '/a']) })).toEqual({
      directories: { '16384': '/a' },
      asRecorded: false,
    });
  });

  it.each([
    ['another destination', spec('/other', ['16384', '/a'])],
    ['a tablespace left out', spec('/new')],
    ['one place for two', spec('/new', ['16384', '/a'], ['16385', '/a/'])],
    ['one inside another', spec('/new', ['16384', '/a'], ['16385', '/a/b'])],
    ['a place above the destination', spec('/new', ['16384', '/'])],
    ['a relative place', spec('/new', ['16384', 'a'])],
  ])('refuses a specification with %s', (_, given) => {
    expect(() => planTablespaces({ destination: '/new', recorded, spec: given })).toThrow(usage);
  });

  it.each([
    { name: '../x', location: '/a', link: 'pg_tblspc/../x' },
    { name: '..', location: '/a', link: 'pg_tblspc/..' },
    { name: '1', location: '/a', link: '../../etc' },
  ])('refuses a recorded tablespace that is none: $link', (one) => {
    const hostile = { basePrefix: '/pg/data', tablespaces: [one] };
    expect(() => planTablespaces({ destination: '/new', recorded: hostile, spec: undefined })).toThrow(CorruptError);
  });
});

describe('parseRestoreSpec', () => {
  it('reads the form of the sentinel', () => {
    const text = '{"base_prefix":"/new","tablespaces":["1"],"1":{"loc":"/a/","link":"pg_tblspc/1"}}';
    expect(parseRestoreSpec(text, 'spec.json')).toEqual(spec('/new', ['1', '/a']));
  });

  it.each(['', '[]', '{"base_prefix":"/new","tablespaces":["1"]}'])('refuses %j and names the file', (text) => {
    expect(() => parseRestoreSpec(text, 'spec.json')).toThrow(/spec\.json/);
  });
});
