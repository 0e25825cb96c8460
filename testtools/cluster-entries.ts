/** Entries of walks for tests. */
import type { ClusterEntry } from '../src/postgres/cluster/walk.ts';

/** A file; directories and links by `more`. */
export function clusterEntry(name: string, more: Partial<ClusterEntry> = {}): ClusterEntry {
  return {
    ...{ name, type: 'file', mode: 0o600, uid: 1, gid: 1, sizeBytes: 8192, mtimeNs: 5n, linkTarget: '' },
    ...more,
  };
}
