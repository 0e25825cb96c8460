import { describe, expect, it } from 'vitest';
import type { ClusterEntry } from '../../../../src/postgres/cluster/walk.ts';
import type { BaseFile, BaseFiles } from '../../../../src/postgres/delta/base-files.ts';
import { decideFiles, type ChangesOf } from '../../../../src/postgres/delta/decide-files.ts';

const second = 1_000_000_000n;
const startTime = 1_000_000n * second;
const old = startTime - 10n * second;

function entry(name: string, mtimeNs: bigint, sizeBytes = 8192, type: ClusterEntry['type'] = 'file'): ClusterEntry {
  return { name, type, mode: 0o600, uid: 0, gid: 0, sizeBytes, mtimeNs, linkTarget: '' };
}

function baseOf(files: Readonly<Record<string, Partial<BaseFile>>>): BaseFiles {
  return {
    of(name) {
      const file = files[name];
      return file && { modified: old, sizeBytes: 8192, updatesCount: 0, isDamaged: false, ...file };
    },
  };
}

function decide(one: ClusterEntry, base: Partial<BaseFile> | undefined, changesOf?: ChangesOf) {
  const files = baseOf(base === undefined ? {} : { [one.name]: base });
  const { packed, skipped } = decideFiles([one], { files, startTime, changesOf });
  return skipped.has(one.name) ? 'skipped' : (packed[0]?.change ?? 'whole');
}

describe('decideFiles', () => {
  it('skips what has the time and the size of the base', () => {
    expect(decide(entry('/base/5/1', old), {})).toBe('skipped');
    expect(decide(entry('/PG_VERSION', old, 3), { sizeBytes: 3 })).toBe('skipped');
    expect(decide(entry('/base/5/1', old), { sizeBytes: undefined })).toBe('skipped');
  });

  it('looks again at what changed, be it by a nanosecond or in size only', () => {
    expect(decide(entry('/base/5/1', old + 1n), {})).toEqual({ baseBytes: 8192 });
    expect(decide(entry('/base/5/1', old - 1n), {})).toEqual({ baseBytes: 8192 });
    expect(decide(entry('/base/5/1', old, 16_384), {})).toEqual({ baseBytes: 8192 });
    expect(decide(entry('/PG_VERSION', old + 1n, 3), { sizeBytes: 3 })).toBe('whole');
  });

  it('trusts no time within the resolution of a clock before the base', () => {
    for (const [before, expected] of [
      [0n, { baseBytes: 8192 }],
      [2n * second, { baseBytes: 8192 }],
      [2n * second + 1n, 'skipped'],
      [-second, { baseBytes: 8192 }],
    ] as const) {
      const modified = startTime - before;
      expect(decide(entry('/base/5/1', modified), { modified }), String(before)).toEqual(expected);
    }
  });

  it('takes whole what the base does not have, and what holds no pages', () => {
    expect(decide(entry('/base/5/1', old), undefined)).toBe('whole');
    for (const name of ['/base/5/1_fsm', '/base/5/1_vm', '/base/5/t3_1', '/global/1262', '/pg_xact/0000']) {
      expect(decide(entry(name, old + 1n), {}), name).toBe('whole');
    }
    expect(decide(entry('/base/5/1', old + 1n, 8191), {})).toBe('whole');
    expect(decide(entry('/base/5/1', old + 1n, 0), {})).toBe('whole');
    expect(decide(entry('/base/5', old, 0, 'directory'), {})).toBe('whole');
  });

  it('takes the blocks that the WAL names, with the size in the base', () => {
    const blocks = Uint32Array.of(1, 4);
    const asked: unknown[] = [];
    const changed = entry('/pg_tblspc/77/PG_17_202406281/5/9.2', old + 1n, 81_920);
    const found = decide(changed, { sizeBytes: 40_960 }, (file) => {
      asked.push(file);
      return blocks;
    });
    expect(found).toEqual({ baseBytes: 40_960, blocks });
    expect(asked).toEqual([{ tablespaceOid: 77, databaseOid: 5, relfilenode: 9, segment: 2 }]);
    expect(decide(entry('/base/5/1', old + 1n), {}, () => 'none')).toEqual({
      baseBytes: 8192,
      blocks: new Uint32Array(),
    });
  });

  it('looks at all pages where the WAL does not know, and where the base has no size', () => {
    expect(decide(entry('/base/5/1', old + 1n), {}, () => 'scan')).toEqual({ baseBytes: 8192 });
    expect(decide(entry('/base/5/1', old + 1n), { sizeBytes: undefined }, () => 'none')).toEqual({});
  });

  it('takes unlogged relations whole, all files of them', () => {
    const names = ['/base/5/1', '/base/5/1.1', '/base/5/1_init', '/base/5/11'];
    const entries = names.map((name) => entry(name, old + 1n));
    const { packed } = decideFiles(entries, {
      files: baseOf({ '/base/5/1': {}, '/base/5/1.1': {}, '/base/5/11': {} }),
      startTime,
    });
    expect(packed.map(({ change }) => change)).toEqual([undefined, undefined, undefined, { baseBytes: 8192 }]);
  });

  it('keeps the order of the walk and sums what is to be packed', () => {
    const entries = [entry('/', old, 0, 'directory'), entry('/a', old), entry('/b', old, 100), entry('/c', old, 200)];
    const { packed, fileBytes } = decideFiles(entries, { files: baseOf({ '/a': {} }), startTime });
    expect(packed.map(({ name }) => name)).toEqual(['/', '/b', '/c']);
    expect(fileBytes).toBe(300);
  });
});
