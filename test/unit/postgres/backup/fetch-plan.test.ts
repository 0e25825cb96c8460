import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { planFetch, type BackupContents } from '../../../../src/postgres/backup/fetch-plan.ts';
import type { ObjectInfo } from '../../../../src/storage/storage.ts';

const name = 'base_000000010000000000000002';

function object(baseName: string, sizeBytes = 10): ObjectInfo {
  const key = `basebackups_005/${name}/tar_partitions/${baseName}`;
  return { kind: 'object', key, sizeBytes, modified: new Date(0) };
}

const whole: BackupContents = {
  name,
  objects: [
    object('backup_label.tar.lz4'),
    object('part_001.tar.lz4', 5),
    object('part_003.tar.lz4', 50),
    object('pg_control.tar.lz4'),
  ],
  files: ['/', '/base', '/base/1', '/PG_VERSION'],
  tarFileSets: new Map([['part_001.tar.lz4', ['/', '/PG_VERSION']]]),
};

describe('planFetch', () => {
  it('unpacks the biggest part first, and neither control file nor label among them', () => {
    const plan = planFetch(whole);
    expect(plan.parts.map(({ key }) => key.slice(-16))).toEqual(['part_003.tar.lz4', 'part_001.tar.lz4']);
    expect(plan.control?.key).toContain('pg_control');
    expect(plan.label?.key).toContain('backup_label');
    expect(plan.totalBytes).toBe(75);
    expect(plan.wanted).toEqual(['', 'base', 'base/1', 'PG_VERSION']);
  });

  it('takes the label from a part where it has no object of its own', () => {
    expect(planFetch({ ...whole, objects: whole.objects.slice(1) }).label).toBeUndefined();
  });

  it('does without pg_control.tar only in a backup of WAL-E', () => {
    const objects = whole.objects.slice(0, -1);
    expect(() => planFetch({ ...whole, objects })).toThrow(/lacks pg_control\.tar/);
    expect(planFetch({ ...whole, name: `${name}_00000040`, objects }).control).toBeUndefined();
  });

  it('misses a part that holds wanted files', () => {
    const tarFileSets = new Map([['part_002.tar.lz4', ['/vanished', '/base/1']]]);
    expect(() => planFetch({ ...whole, tarFileSets })).toThrow(/lacks "part_002\.tar\.lz4", which holds "\/base\/1"/);
  });

  it('does not miss a part all of whose files had vanished', () => {
    const tarFileSets = new Map([['part_002.tar.lz4', ['/vanished']]]);
    expect(planFetch({ ...whole, tarFileSets }).parts).toHaveLength(2);
  });

  it('misses the label where the backup says that it has one', () => {
    const tarFileSets = new Map([['backup_label.tar.lz4', ['tablespace_map', 'backup_label']]]);
    expect(() => planFetch({ ...whole, objects: whole.objects.slice(1), tarFileSets })).toThrow(/backup_label/);
  });

  it('refuses a backup without parts, and hostile names in the list of files', () => {
    expect(() => planFetch({ ...whole, objects: [object('pg_control.tar')] })).toThrow(CorruptError);
    expect(() => planFetch({ ...whole, files: ['/../x'] })).toThrow(CorruptError);
  });
});
