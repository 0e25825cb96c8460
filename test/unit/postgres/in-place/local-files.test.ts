import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLocalFiles, type LocalFiles } from '../../../../src/postgres/in-place/local-files.ts';
import { markerName } from '../../../../src/postgres/in-place/marker.ts';
import { createNameSet } from '../../../../src/postgres/restore/name-set.ts';

let folder: string;
let found: LocalFiles;
const names = createNameSet([
  ...['', 'base', 'base/1', 'base/2', 'base/linked', 'base/symbolic', 'pg_wal', 'log', 'recovery.signal'],
  ...['pg_tblspc', 'pg_tblspc/9/PG_17_1', 'pg_tblspc/9/PG_17_1/5/1'],
]);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wv-local-'));
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  };
  for (const name of ['data/base/1', 'data/base/extra', 'data/pg_wal/archive_status/1.ready', 'data/log/server.log']) {
    write(name, 'text');
  }
  for (const name of ['data/global/pg_control', `data/${markerName}`, 'data/recovery.signal', 'data/base/linked']) {
    write(name, '');
  }
  linkSync(join(folder, 'data/base/linked'), join(folder, 'elsewhere'));
  symlinkSync('/etc', join(folder, 'data/base/symbolic'));
  // A tablespace inside of the data directory, and what another version has in it.
  for (const name of ['PG_17_1/5/1', 'PG_17_1/5/2', 'PG_16_1/5/2']) write(`data/tablespaces/9/${name}`, 'page');
  mkdirSync(join(folder, 'data/pg_tblspc'));
  symlinkSync(join(folder, 'data/tablespaces/9'), join(folder, 'data/pg_tblspc/9'));
  const layout = { destination: join(folder, 'data'), tablespaces: { 9: join(folder, 'data/tablespaces/9') } };
  const { signal } = new AbortController();
  found = await findLocalFiles({ layout, names, leaveOut: ['recovery.signal'], signal });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the files of a cluster that is restored in place', () => {
  it('are told by their sizes', () => {
    const sizeOf = (name: string) => found.sizes[names.numberOf(name) ?? -1];
    expect(['base/1', 'base/2', 'base/linked', 'base/symbolic', 'pg_tblspc/9/PG_17_1/5/1'].map(sizeOf)).toEqual([
      ...[4, -1, -1, -1, 4],
    ]);
    expect(found.modes[names.numberOf('base/1') ?? -1]).toBe(0o600);
  });

  it('are surplus when the backup does not have them, has them otherwise, or they have another name elsewhere', () => {
    const surplus = found.surplus.filter(({ type }) => type !== 'directory').map(({ local }) => local);
    expect(surplus.map((local) => local.slice(folder.length + 1)).sort()).toEqual([
      'data/base/extra',
      'data/base/linked',
      'data/base/symbolic',
      'data/pg_tblspc/9',
      'data/pg_wal/archive_status/1.ready',
      'data/recovery.signal',
      'data/tablespaces/9/PG_17_1/5/2',
    ]);
  });

  it('are surplus folders after what is in them', () => {
    const folders = found.surplus.filter(({ type }) => type === 'directory').map(({ local }) => local);
    expect(folders).toContain(join(folder, 'data/pg_wal/archive_status'));
    const order = found.surplus.map(({ local }) => local);
    expect(order.indexOf(join(folder, 'data/pg_wal/archive_status/1.ready'))).toBeLessThan(
      order.indexOf(join(folder, 'data/pg_wal/archive_status')),
    );
  });
});
