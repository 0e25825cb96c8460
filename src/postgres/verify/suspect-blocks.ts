/** Pages that fail their checksums, and which of them the WAL of the backup brings anew. */
import { segmentPages } from '../pages/page-scan.ts';
import { relationFileOf } from '../pages/relation-file.ts';
import type { ChangeListener } from '../wal-records/block-references.ts';
import type { SuspectPage } from '../../catalog/verify/report.ts';

const globalTablespace = 1664;
const mainFork = 0;

/** Looks for pages among the changes of WAL. */
export interface SuspectBlocks {
  readonly listener: ChangeListener;
  /** Positions in the list of the pages that were found. */
  readonly found: ReadonlySet<number>;
  /** Takes over what another thread has found. */
  addFound(positions: readonly number[]): void;
}

/** @param suspects pages of main forks */
export function createSuspectBlocks(suspects: readonly Pick<SuspectPage, 'file' | 'page'>[]): SuspectBlocks {
  const blocks = new Map<string, number>();
  const databases = new Map<string, number[]>();
  const found = new Set<number>();
  for (const [position, { file, page }] of suspects.entries()) {
    const isGlobal = /^global\/(\d+)(?:\.(\d+))?$/.exec(file);
    const relation =
      isGlobal === null
        ? relationFileOf(`/${file}`)
        : {
            tablespaceOid: globalTablespace,
            databaseOid: 0,
            relfilenode: Number(isGlobal[1]),
            segment: Number(isGlobal[2] ?? 0),
          };
    if (relation === undefined) continue;
    const { tablespaceOid, databaseOid, relfilenode, segment } = relation;
    blocks.set(`${tablespaceOid}/${databaseOid}/${relfilenode}/${segment * segmentPages + page}`, position);
    const database = `${tablespaceOid}/${databaseOid}`;
    databases.set(database, [...(databases.get(database) ?? []), position]);
  }
  return {
    found,
    listener: {
      block(tablespaceOid, databaseOid, relfilenode, fork, block) {
        if (blocks.size === 0 || fork !== mainFork) return;
        const position = blocks.get(`${tablespaceOid}/${databaseOid}/${relfilenode}/${block}`);
        if (position !== undefined) found.add(position);
      },
      reset: () => undefined,
      databaseCopied(tablespaceOid, databaseOid) {
        for (const position of databases.get(`${tablespaceOid}/${databaseOid}`) ?? []) found.add(position);
      },
      unlogged: () => undefined,
    },
    addFound(positions) {
      for (const position of positions) found.add(position);
    },
  };
}
