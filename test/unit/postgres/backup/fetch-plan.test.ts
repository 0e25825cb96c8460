import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import {
  planFetch,
  type BackupContents,
  type FetchPlan,
  type FetchScope,
} from '../../../../src/postgres/backup/fetch-plan.ts';
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
  increments: new Set(),
  skipped: new Set(),
  lostParts: new Map(),
  listedParts: new Set(),
  neededParts: undefined,
};

const plan = (contents: BackupContents, scope: Partial<FetchScope> = {}): FetchPlan =>
  planFetch(contents, { isNewest: true, onlyNeeded: true, ...scope });

describe('planFetch', () => {
  it('unpacks the biggest part first, and neither control file nor label among them', () => {
    const planned = plan(whole);
    expect(planned.parts.map(({ key }) => key.slice(-16))).toEqual(['part_003.tar.lz4', 'part_001.tar.lz4']);
    expect(planned.control?.key).toContain('pg_control');
    expect(planned.label?.key).toContain('backup_label');
    expect(planned.totalBytes).toBe(75);
    expect(planned.wanted).toEqual(['', 'base', 'base/1', 'PG_VERSION']);
  });

  it('takes the label from a part where it has no object of its own', () => {
    expect(plan({ ...whole, objects: whole.objects.slice(1) }).label).toBeUndefined();
  });

  it('does without pg_control.tar only in a backup of WAL-E', () => {
    const objects = whole.objects.slice(0, -1);
    expect(() => plan({ ...whole, objects })).toThrow(/lacks pg_control\.tar/);
    expect(plan({ ...whole, name: `${name}_00000040`, objects }).control).toBeUndefined();
  });

  it('misses a part that holds wanted files', () => {
    const lostParts = new Map([['part_002.tar.lz4', '/base/1']]);
    expect(() => plan({ ...whole, lostParts })).toThrow(/lacks "part_002\.tar\.lz4", which holds "\/base\/1"/);
  });

  it('misses the label where the backup says that it has one', () => {
    const lostParts = new Map([['backup_label.tar.lz4', 'backup_label']]);
    expect(() => plan({ ...whole, objects: whole.objects.slice(1), lostParts })).toThrow(/backup_label/);
  });

  it('leaves out parts that nothing is needed of, unless told otherwise', () => {
    const listed = {
      ...whole,
      listedParts: new Set(['part_001.tar.lz4', 'part_003.tar.lz4', 'backup_label.tar.lz4']),
      neededParts: new Set(['part_001.tar.lz4']),
    };
    const keys = ({ parts }: FetchPlan) => parts.map(({ key }) => key.slice(-16));
    expect(keys(plan(listed))).toEqual(['part_001.tar.lz4']);
    expect(keys(plan(listed, { onlyNeeded: false }))).toEqual(['part_003.tar.lz4', 'part_001.tar.lz4']);
  });

  it('takes neither control file nor label from an older backup of a chain, and misses neither', () => {
    const lostParts = new Map([['backup_label.tar.lz4', 'backup_label']]);
    const older = plan({ ...whole, lostParts }, { isNewest: false });
    expect([older.control, older.label, older.totalBytes]).toEqual([undefined, undefined, 55]);
    expect(plan({ ...whole, objects: [] }, { isNewest: false }).parts).toEqual([]);
  });

  it('refuses a backup without parts, and hostile names in the list of files', () => {
    expect(() => plan({ ...whole, objects: [object('pg_control.tar')] })).toThrow(CorruptError);
    expect(() => plan({ ...whole, files: ['/../x'] })).toThrow(CorruptError);
  });
});
