import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  examineCluster,
  requireSameCluster,
  requireSameTablespaces,
} from '../../../../src/postgres/in-place/existing-cluster.ts';
import { markerName, readMarker, removeMarker, writeMarker } from '../../../../src/postgres/in-place/marker.ts';
import { thisProcess } from '../../../../src/postgres/in-place/process-identity.ts';

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wv-in-place-'));
  data = join(folder, 'data');
  for (const name of ['data', 'data/global', 'data/pg_tblspc', 'ts', 'elsewhere']) mkdirSync(join(folder, name));
  writeFileSync(join(data, 'PG_VERSION'), '17\n');
  const control = Buffer.alloc(8192);
  control.writeBigUInt64LE(7n);
  writeFileSync(join(data, 'global/pg_control'), control);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const marker = { systemIdentifier: 7n, backup: 'base_1', tablespaces: {} };
const ended = { host: hostname(), pid: 4_000_000, started: '1' };

describe('a directory to be restored in place', () => {
  it('is a stopped cluster, known by its control file even when that is damaged', () => {
    expect(examineCluster(data)).toEqual({ systemIdentifier: 7n, marker: undefined });
    requireSameCluster(data, examineCluster(data), 7n);
    expect(() => {
      requireSameCluster(data, examineCluster(data), 8n);
    }).toThrow('the backup is of cluster 8');
    expect(() => {
      requireSameCluster(data, examineCluster(data), undefined);
    }).toThrow('does not tell');
  });

  it.each(['PG_VERSION', 'global/pg_control'])('is not one without %s', (name) => {
    unlinkSync(join(data, name));
    expect(() => examineCluster(data)).toThrow('is no data directory');
  });

  it.each([
    [`${process.pid}\n`, 'a server is running'],
    [`-${process.pid}\n`, 'a server is running'],
    ['4000000\n', 'no process 4000000'],
    ['', 'says that a server is running'],
  ])('is not one with %j in postmaster.pid', (text, message) => {
    writeFileSync(join(data, 'postmaster.pid'), text);
    expect(() => examineCluster(data)).toThrow(message);
  });

  it('is known by the marker of an interrupted restore, unless that is still at work', () => {
    unlinkSync(join(data, 'global/pg_control'));
    writeMarker(data, { ...marker, process: ended });
    expect(examineCluster(data)).toMatchObject({ systemIdentifier: 7n, marker: { backup: 'base_1', process: ended } });
    writeMarker(data, { ...marker, process: { ...thisProcess(), pid: process.ppid } });
    // Another process of that number, which started at another time.
    if (thisProcess().started !== '') expect(examineCluster(data).systemIdentifier).toBe(7n);
    removeMarker(data);
    expect(readMarker(data)).toBeUndefined();
    expect(readdirSync(data)).not.toContain(markerName);
  });

  it('is not touched when the marker is of nobody knows what', () => {
    writeFileSync(join(data, markerName), '{');
    expect(() => examineCluster(data)).toThrow(markerName);
  });
});

describe('tablespaces of a cluster that is restored in place', () => {
  const check = (tablespaces: Record<string, string>, mayMove = false, ours: Record<string, string> = {}) => {
    const known = { ...marker, tablespaces: ours, process: ended };
    requireSameTablespaces({ destination: data, tablespaces }, { systemIdentifier: 7n, marker: known }, { mayMove });
  };

  it('are where the cluster has them, or the user says so and the place is empty', () => {
    symlinkSync(join(folder, 'ts'), join(data, 'pg_tblspc/1'));
    writeFileSync(join(folder, 'ts/file'), 'x');
    check({ 1: join(folder, 'ts') });
    expect(() => {
      check({ 1: join(folder, 'elsewhere') });
    }).toThrow('the restore would put it into');
    check({ 1: join(folder, 'elsewhere') }, true);
    writeFileSync(join(folder, 'elsewhere/file'), 'x');
    expect(() => {
      check({ 1: join(folder, 'elsewhere') }, true);
    }).toThrow('not empty');
    check({ 1: join(folder, 'elsewhere') }, true, { 1: join(folder, 'elsewhere') });
  });

  it('are empty, or those of an interrupted restore, where there is no link', () => {
    check({ 1: join(folder, 'ts') });
    writeFileSync(join(folder, 'ts/file'), 'x');
    expect(() => {
      check({ 1: join(folder, 'ts') });
    }).toThrow('not empty');
    check({ 1: join(folder, 'ts') }, false, { 1: join(folder, 'ts') });
  });

  it('are none that the backup does not have', () => {
    symlinkSync(join(folder, 'ts'), join(data, 'pg_tblspc/2'));
    expect(() => {
      check({});
    }).toThrow('the backup has no tablespace "2"');
  });
});
