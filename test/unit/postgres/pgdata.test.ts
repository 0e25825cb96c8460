import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findDataDirectory, signalFiles } from '../../../src/postgres/pgdata.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

async function makeCluster(path: string): Promise<string> {
  await mkdir(join(path, 'global'), { recursive: true });
  await mkdir(join(path, 'pg_wal'));
  await writeFile(join(path, 'global/pg_control'), '');
  return path;
}

it('the data directory is found above the WAL file, then in the current directory', async () => {
  await using directory = await temporaryDirectory();
  const one = await makeCluster(join(directory.path, 'one'));
  const two = await makeCluster(join(directory.path, 'two'));
  const elsewhere = directory.path;
  expect(findDataDirectory({ walFile: 'pg_wal/000000010000000000000001', cwd: one })).toBe(one);
  expect(findDataDirectory({ walFile: join(two, 'pg_wal/x'), cwd: one })).toBe(two);
  expect(findDataDirectory({ walFile: '/nowhere/x', cwd: one })).toBe(one);
  expect(findDataDirectory({ walFile: '/nowhere/x', cwd: elsewhere })).toBeUndefined();
});

it('the data directory is found though pg_wal is a link to another disk', async () => {
  await using directory = await temporaryDirectory();
  const cluster = join(directory.path, 'cluster');
  await mkdir(join(cluster, 'global'), { recursive: true });
  await writeFile(join(cluster, 'global/pg_control'), '');
  await mkdir(join(directory.path, 'disk'));
  await symlink(join(directory.path, 'disk'), join(cluster, 'pg_wal'));
  expect(findDataDirectory({ walFile: 'pg_wal/x', cwd: cluster })).toBe(cluster);
});

it('signal files say what kind of recovery is asked for', async () => {
  await using directory = await temporaryDirectory();
  expect(signalFiles(directory.path)).toEqual({ recovery: false, standby: false });
  await writeFile(join(directory.path, 'recovery.signal'), '');
  expect(signalFiles(directory.path)).toEqual({ recovery: true, standby: false });
  await writeFile(join(directory.path, 'standby.signal'), '');
  expect(signalFiles(directory.path)).toEqual({ recovery: true, standby: true });
});
