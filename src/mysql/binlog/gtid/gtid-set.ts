/** Sets of global transaction IDs of either flavour, behind one interface. */
import { notGtids } from './errors.ts';
import { MariadbGtidPosition } from './mariadb-gtid-position.ts';
import { MysqlGtidSet } from './mysql-gtid-set.ts';

/** Whose binary logs: MariaDB's, or those of MySQL and Percona Server. */
export type Flavor = 'mysql' | 'mariadb';

/**
 * Which transactions: of MySQL a set of intervals for each source, of MariaDB the last one of each domain, all earlier ones
 * of which count as contained. Immutable.
 */
export interface GtidSet {
  readonly flavor: Flavor;
  readonly isEmpty: boolean;
  /** Whether each transaction of the other one is in this. @throws ArchiverError (`usage`) when the flavours differ */
  covers(other: GtidSet): boolean;
  /** Whether one transaction, as its event names it (`uuid:7`, `0-1-7`), is in this. @throws ArchiverError (`usage`) */
  containsGtid(gtid: string): boolean;
  /** All of both. @throws ArchiverError (`usage`) when the flavours differ */
  union(other: GtidSet): GtidSet;
  /** What the other one lacks of this. Of MariaDB: the domains in which it is behind. @throws as `union` */
  subtract(other: GtidSet): GtidSet;
  /** As the servers write it; nothing for the empty set. */
  toString(): string;
}

/** The set of no transaction. */
export function emptyGtidSet(flavor: Flavor): GtidSet {
  return flavor === 'mysql' ? MysqlGtidSet.empty : MariadbGtidPosition.empty;
}

/**
 * Reads the servers' text form: `3e11fa47-…:1-5:7,…` or `0-1-7,1-1-3`; white space is ignored.
 *
 * @param flavor default: what the text looks like
 * @throws ArchiverError (`usage`) when it is none
 */
export function parseGtidSet(text: string, flavor?: Flavor): GtidSet {
  const looksLike = flavor ?? flavorOfGtid(text);
  if (looksLike === undefined) throw notGtids(text);
  return looksLike === 'mysql' ? MysqlGtidSet.parse(text) : MariadbGtidPosition.parse(text);
}

/** The flavour that a text is a GTID, or a set of them, of; undefined when it is none, or empty. */
export function flavorOfGtid(text: string): Flavor | undefined {
  if (/^\s*[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\s*:/i.test(text)) return 'mysql';
  return /^\s*\d+-\d+-\d+\s*(?:,|$)/.test(text) ? 'mariadb' : undefined;
}
