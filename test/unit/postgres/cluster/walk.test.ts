import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger, type Logger } from '../../../../src/platform/logger.ts';
import { walkCluster } from '../../../../src/postgres/cluster/walk.ts';

let folder: string;
let data: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'walk-')));
  data = join(folder, 'data');
  for (const path of [
    'global',
    'base/1',
    'base/13010',
    'base/5/pgsql_tmp',
    'pg_wal/archive_status',
    'pg_tblspc',
    'log',
  ]) {
    mkdirSync(join(data, path), { recursive: true });
  }
  put('PG_VERSION', '17\n');
  put('global/pg_control', Buffer.alloc(8192));
  put('global/1262', Buffer.alloc(8192));
  put('base/1/112', 'x');
  put('base/5/1259', 'xy');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(name: string, content: string | Buffer): void {
  writeFileSync(join(data, name), content);
}

async function names(): Promise<readonly string[]> {
  return (await walkCluster(data, { logger: silentLogger })).entries.map((entry) => entry.name);
}

describe('the walk over a data directory', () => {
  it('goes depth first in byte order, the data directory first and pg_control held back', async () => {
    expect(await names()).toEqual([
      '/',
      '/PG_VERSION',
      '/base',
      '/base/1',
      '/base/1/112',
      '/base/13010',
      '/base/5',
      '/base/5/1259',
      '/base/5/pgsql_tmp',
      '/global',
      '/global/1262',
      '/log',
      '/pg_tblspc',
      '/pg_wal',
    ]);
    const walk = await walkCluster(data, { logger: silentLogger });
    expect(walk.controlFile).toMatchObject({ name: '/global/pg_control', sizeBytes: 8192 });
    expect(walk.fileBytes).toBe(3 + 8192 + 1 + 2);
  });

  it('sorts names beyond the basic plane by their bytes', async () => {
    put('\u{1F418}', '');
    put('\uFF5E', '');
    const own = (await names()).filter((name) => /[^ -~]/.test(name));
    expect(own).toEqual(['/\uFF5E', '/\u{1F418}']);
  });

  it('keeps excluded directories empty and drops everything else of such a name', async () => {
    put('pg_wal/000000010000000000000001', 'wal');
    put('base/5/pgsql_tmp/pgsql_tmp1.0', 'tmp');
    put('log/today', 'line');
    put('postmaster.pid', '1');
    put('standby.signal', '');
    put('recovery.signal', '');
    put('base/5/postmaster.opts', '');
    symlinkSync('/elsewhere', join(data, 'pg_log'));
    const found = await names();
    expect(found).toContain('/pg_wal');
    expect(found).toContain('/log');
    expect(found).toContain('/base/5/pgsql_tmp');
    expect(found).toContain('/recovery.signal');
    expect(found.filter((name) => /today|tmp1|0001$|postmaster|standby|pg_log/.test(name))).toEqual([]);
  });

  it('walks tablespaces just before pg_tblspc, without their link and root', async () => {
    const location = join(folder, 'space');
    mkdirSync(join(location, 'PG_17_202406281', '5'), { recursive: true });
    writeFileSync(join(location, 'PG_17_202406281', '5', '16390'), 'abc');
    symlinkSync(`${location}/`, join(data, 'pg_tblspc', '16384'));
    mkdirSync(join(data, 'pg_tblspc', '16400'));
    const walk = await walkCluster(data, { logger: silentLogger });
    expect(walk.tablespaces).toEqual([{ oid: '16384', location }]);
    expect(walk.entries.map((entry) => entry.name).filter((name) => name.startsWith('/pg_tblspc'))).toEqual([
      '/pg_tblspc/16384/PG_17_202406281',
      '/pg_tblspc/16384/PG_17_202406281/5',
      '/pg_tblspc/16384/PG_17_202406281/5/16390',
      '/pg_tblspc',
      '/pg_tblspc/16400',
    ]);
  });

  it('stores other links with their target and follows none', async () => {
    mkdirSync(join(folder, 'conf'));
    writeFileSync(join(folder, 'conf', 'a.conf'), '');
    symlinkSync('../conf', join(data, 'conf.d'));
    const { entries } = await walkCluster(data, { logger: silentLogger });
    expect(entries.find((entry) => entry.name === '/conf.d')).toMatchObject({
      type: 'symlink',
      linkTarget: '../conf',
      sizeBytes: 0,
    });
    expect(entries.some((entry) => entry.name.startsWith('/conf.d/'))).toBe(false);
  });

  it('keeps modification times to the nanosecond that the file system gives', async () => {
    utimesSync(join(data, 'PG_VERSION'), 1_700_000_000, 1_700_000_000.123456);
    const { entries } = await walkCluster(data, { logger: silentLogger });
    const mtimeNs = entries.find((entry) => entry.name === '/PG_VERSION')?.mtimeNs ?? 0n;
    expect(mtimeNs / 1000n).toBe(1_700_000_000_123_456n);
  });

  it('leaves a socket out and says so', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(data, 's'), resolve));
    const warned: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => warned.push(message) };
    const walk = await walkCluster(data, { logger });
    await new Promise((resolve) => server.close(resolve));
    expect(walk.entries.some((entry) => entry.name === '/s')).toBe(false);
    expect(warned).toEqual(['left out: neither a file nor a directory nor a link']);
  });

  it('stops when it is called off', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(walkCluster(data, { logger: silentLogger, signal })).rejects.toThrow('enough');
  });

  it('refuses to leave out a tablespace whose disk is not mounted', async () => {
    const place = join(folder, 'space');
    symlinkSync(place, join(data, 'pg_tblspc/16384'));
    await expect(names()).rejects.toMatchObject({ kind: 'missing', message: expect.stringContaining(place) as string });
    mkdirSync(place);
    await expect(names()).rejects.toMatchObject({ kind: 'missing' });
    mkdirSync(join(place, 'PG_17_202406281'));
    expect(await names()).toContain('/pg_tblspc/16384/PG_17_202406281');
  });

  it('knows a tablespace in the data directory also by another path to it', async () => {
    mkdirSync(join(data, 'tablespaces/16384/PG_17'), { recursive: true });
    put('tablespaces/16384/PG_17/1', 'x');
    symlinkSync(data, join(folder, 'alias'));
    symlinkSync(join(folder, 'alias/tablespaces/16384'), join(data, 'pg_tblspc/16384'));
    expect((await names()).filter((name) => name.includes('PG_17/'))).toEqual(['/pg_tblspc/16384/PG_17/1']);
  });

  it('takes a tablespace that lies in the data directory once, by its link', async () => {
    mkdirSync(join(data, 'tablespaces/16384/PG_17'), { recursive: true });
    put('tablespaces/16384/PG_17/1', 'rows');
    put('tablespaces/other', '');
    symlinkSync(join(data, 'tablespaces/16384'), join(data, 'pg_tblspc/16384'));
    const own = (await names()).filter((name) => /tablespaces|tblspc/.test(name));
    expect(own).toEqual([
      '/pg_tblspc/16384/PG_17',
      '/pg_tblspc/16384/PG_17/1',
      '/pg_tblspc',
      '/tablespaces',
      '/tablespaces/16384',
      '/tablespaces/other',
    ]);
  });
});
