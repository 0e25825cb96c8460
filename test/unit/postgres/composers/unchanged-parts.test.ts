import { describe, expect, it } from 'vitest';
import { findUnchangedParts, type SourceFiles } from '../../../../src/postgres/composers/unchanged-parts.ts';
import type { BaseFile } from '../../../../src/postgres/delta/base-files.ts';
import { clusterEntry } from '../../../../testtools/cluster-entries.ts';

const startTime = 1_000_000_000_000n;
const old: BaseFile = { modified: 5n, sizeBytes: 8192, updatesCount: 0, isDamaged: false };

function source(files: Readonly<Record<string, BaseFile>>, ...parts: readonly (readonly string[])[]): SourceFiles {
  return {
    startTime,
    files: { of: (name) => files[name] },
    parts: parts.map((members, index) => ({
      key: `tar_partitions/part_00${index + 1}.tar.lz4`,
      sizeBytes: 10,
      members,
    })),
  };
}

function keysOf(found: ReturnType<typeof findUnchangedParts>): readonly string[] {
  return found.map(({ part }) => part.key.replace(/^.*part_00(\d).*$/, '$1'));
}

describe('a part of an earlier backup', () => {
  const a = clusterEntry('/base/5/1');
  const b = clusterEntry('/base/5/2');

  it('is taken when all its members are as they were', () => {
    const found = findUnchangedParts(source({ '/base/5/1': old, '/base/5/2': old }, ['/base/5/1', '/base/5/2']), [
      a,
      b,
    ]);
    expect(found).toEqual([expect.objectContaining({ entries: [a, b] })]);
  });

  it.each([
    ['was written to', { ...b, mtimeNs: 6n }],
    ['has another size', { ...b, sizeBytes: 16384 }],
    ['became a link', { ...b, type: 'symlink' as const, sizeBytes: 0 }],
  ])('is not taken when a member %s', (_what, changed) => {
    const files = source({ '/base/5/1': old, '/base/5/2': old }, ['/base/5/2'], ['/base/5/1']);
    expect(keysOf(findUnchangedParts(files, [a, changed]))).toEqual(['2']);
  });

  it('is not taken when a member is gone, was never recorded, or had damaged pages', () => {
    const files = { '/base/5/1': old, '/base/5/2': { ...old, isDamaged: true }, '/base/5/3': old };
    const parts = source(files, ['/base/5/1', '/base/5/3'], ['/base/5/2'], ['/base/5/4'], ['/base/5/1']);
    expect(keysOf(findUnchangedParts(parts, [a, b, clusterEntry('/base/5/4')]))).toEqual(['4']);
  });

  it('is not taken when a member changed so shortly before that backup that another change may show the same time', () => {
    const modified = startTime - 1_000_000_000n;
    const files = source({ '/base/5/1': { ...old, modified } }, ['/base/5/1']);
    expect(findUnchangedParts(files, [{ ...a, mtimeNs: modified }])).toEqual([]);
  });

  it('is taken whatever the times of its directories are, since nothing of these is stored', () => {
    const files = source({ '/base/5': { ...old, sizeBytes: 0 }, '/base/5/1': old }, ['/base/5', '/base/5/1']);
    const folder = clusterEntry('/base/5', { type: 'directory', sizeBytes: 0, mtimeNs: 99n });
    expect(keysOf(findUnchangedParts(files, [folder, a]))).toEqual(['1']);
    const wasFile = source({ '/base/5': old, '/base/5/1': old }, ['/base/5', '/base/5/1']);
    expect(findUnchangedParts(wasFile, [folder, a])).toEqual([]);
  });

  it('is taken of a backup of WAL-G, which records no sizes', () => {
    const files = source({ '/base/5/1': { ...old, sizeBytes: undefined } }, ['/base/5/1']);
    expect(keysOf(findUnchangedParts(files, [a]))).toEqual(['1']);
  });

  it('is not taken when it is empty or has what another one has, and the label never is', () => {
    const files = source({ '/base/5/1': old, '/base/5/2': old }, [], ['/base/5/1'], ['/base/5/2', '/base/5/1']);
    expect(keysOf(findUnchangedParts(files, [a, b]))).toEqual(['2']);
    const label = { ...files, parts: [{ key: 'x/backup_label.tar.lz4', sizeBytes: 1, members: ['/base/5/1'] }] };
    expect(findUnchangedParts(label, [a])).toEqual([]);
  });
});
