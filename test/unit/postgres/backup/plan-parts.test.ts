import { describe, expect, it } from 'vitest';
import { planParts } from '../../../../src/postgres/backup/plan-parts.ts';
import type { ClusterEntry } from '../../../../src/postgres/cluster/walk.ts';

const mebibyte = 1024 * 1024;

function files(count: number, sizeBytes: number): ClusterEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `/base/5/${index}`,
    type: 'file' as const,
    mode: 0o600,
    uid: 0,
    gid: 0,
    sizeBytes,
    mtimeNs: 0n,
    linkTarget: '',
  }));
}

describe('planning the parts of a backup', () => {
  it('makes enough parts below the threshold for all workers', () => {
    const parts = planParts(files(200, 10 * mebibyte), { thresholdBytes: 2 ** 30 - 1, workers: 2 });
    expect(parts.length).toBeGreaterThanOrEqual(8);
  });

  it('makes one part of a small cluster', () => {
    expect(planParts(files(1000, 8192), { thresholdBytes: 2 ** 30 - 1, workers: 8 })).toHaveLength(1);
  });

  it('goes by the threshold alone when there is one worker', () => {
    const parts = planParts(files(30, 100 * mebibyte), { thresholdBytes: 1000 * mebibyte, workers: 1 });
    expect(parts.map((part) => part.entries.length)).toEqual([10, 10, 10]);
  });

  it('gives a file that is bigger than the threshold a part without other files', () => {
    const entries = [...files(1, 10), ...files(1, 5000), ...files(1, 10)];
    const parts = planParts(entries, { thresholdBytes: 1000, workers: 1 });
    expect(parts.map((part) => part.fileBytes)).toEqual([10, 5000, 10]);
  });

  it('plans nothing for nothing', () => {
    expect(planParts([], { thresholdBytes: 1, workers: 1 })).toEqual([]);
  });
});
