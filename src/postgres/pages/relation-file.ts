/** Which files of a cluster hold pages of relations, and of which. Facts: `postgres-storage.md` 10.1 and 12.4 of the specification. */
import { pageBytes } from './page-scan.ts';

/** A file of the main fork of a relation. */
export interface RelationFile {
  readonly tablespaceOid: number;
  readonly databaseOid: number;
  readonly relfilenode: number;
  /** Which file of the relation it is: `.1` holds the pages after the first GiB. */
  readonly segment: number;
}

/** The OID of the tablespace `pg_default`. */
const defaultTablespace = 1663;

const inDefaultTablespace = /^\/base\/(\d+)\/(\d+)(?:\.(\d+))?$/;
const visibilityFork = /_vm(?=(?:\.\d+)?$)/;
const inOtherTablespace = /^\/pg_tblspc\/(\d+)\/[^/]+\/(\d+)\/(\d+)(?:\.(\d+))?$/;

/**
 * Whether a file is stored page by page where that is shorter: the main fork of a relation, of whole pages.
 *
 * @param name the name of its member, with a leading slash
 */
export function isPagedFile(name: string, sizeBytes: number): boolean {
  return sizeBytes > 0 && sizeBytes % pageBytes === 0 && relationFileOf(name) !== undefined;
}

/** Whether a file is the visibility map of a relation, by the name of its member. */
export function isVisibilityMap(name: string): boolean {
  return visibilityFork.test(name) && relationFileOf(name.replace(visibilityFork, '')) !== undefined;
}

/** The file of a relation that has this name; undefined for all other files. */
export function relationFileOf(name: string): RelationFile | undefined {
  const inDefault = inDefaultTablespace.exec(name);
  const [tablespaceOid, databaseOid, relfilenode, segment] =
    inDefault !== null ? [defaultTablespace, ...inDefault.slice(1)] : (inOtherTablespace.exec(name)?.slice(1) ?? []);
  if (databaseOid === undefined) return undefined;
  return {
    tablespaceOid: Number(tablespaceOid),
    databaseOid: Number(databaseOid),
    relfilenode: Number(relfilenode),
    segment: Number(segment ?? 0),
  };
}
