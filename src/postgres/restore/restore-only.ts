/**
 * Which relations a partial restore brings back: `--restore-only DB,DB/TABLE,…`. Source: `postgres-storage.md` 13.5 of the
 * specification; beyond it a table comes with its TOAST table, without which it cannot be read.
 */
import { ArchiverError, CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { readDatabaseEntries } from '../backup/backup-contents.ts';
import type { MemberPath } from '../backup/member-path.ts';
import type { DatabaseEntry, RelationEntry } from '../backup/files-metadata.ts';
import type { ChainLink } from './chain.ts';

/** One of the comma-separated items. */
export interface RelationPattern {
  /** As it was given. */
  readonly text: string;
  matchesDatabase(name: string): boolean;
  /** @param name `<schema>.<relation>` */
  matchesRelation(name: string): boolean;
}

/** Objects with lower numbers are the system's own: they are in every database, and always restored. */
const firstUserOid = 16384;

/**
 * Reads `db`, `db/table` (of the schema `public`), `db/schema.table` and `db/schema/table`, separated by commas; `*`
 * stands for any characters.
 *
 * @throws ArchiverError (kind `usage`) for anything else
 */
export function parseRestoreOnly(text: string): readonly RelationPattern[] {
  return text.split(',').map((item) => {
    const [database = '', first, second, ...more] = item.trim().split('/');
    const relation = second === undefined ? qualified(first) : `${first}.${second}`;
    if (database === '' || first === '' || second === '' || more.length > 0) {
      throw new ArchiverError('usage', `--restore-only does not understand ${JSON.stringify(item)}`, {
        hint: 'Give databases and tables as DB, DB/TABLE, DB/SCHEMA.TABLE or DB/SCHEMA/TABLE, separated by commas; * stands for any characters.',
      });
    }
    return { text: item.trim(), matchesDatabase: matcher(database), matchesRelation: matcher(relation) };
  });
}

function qualified(relation: string | undefined): string {
  if (relation === undefined) return '*';
  return relation.includes('.') ? relation : `public.${relation}`;
}

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 'su');
  return (name) => expression.test(name);
}

/**
 * Which files a restore of these relations writes, by the names that the newest backup of the chain records.
 *
 * @returns undefined when no patterns are given: all
 * @throws ObjectNotFoundError, CorruptError for files metadata that is missing or damaged; see {@link filesOfRelations}
 */
export async function planRestoreOnly(
  { transport, signal }: { readonly transport: Transport; readonly signal: AbortSignal },
  { backup, sentinel }: ChainLink,
  patterns: readonly RelationPattern[] | undefined,
): Promise<((path: MemberPath) => boolean) | undefined> {
  if (patterns === undefined) return undefined;
  return filesOfRelations(backup, await readDatabaseEntries(transport, backup, { sentinel, signal }), patterns);
}

/**
 * Which files of a cluster a partial restore writes: all but those of relations that nobody wants.
 *
 * @param databases what the backup records, by their names
 * @throws ArchiverError: `corrupt` when the backup does not tell the relations, `missing` for an item that nothing matches
 */
export function filesOfRelations(
  backup: string,
  databases: ReadonlyMap<string, DatabaseEntry>,
  patterns: readonly RelationPattern[],
): (path: MemberPath) => boolean {
  if (databases.size === 0) throw untold(backup, 'which databases and tables its files are of');
  const used = new Set<RelationPattern>();
  const wanted = new Map<number, ReadonlySet<number>>();
  for (const [name, { oid, tables }] of databases) {
    if (tables.size === 0) throw untold(backup, `which tables of the database "${name}" its files are of`);
    const own = patterns.filter((pattern) => pattern.matchesDatabase(name));
    wanted.set(oid, relfilenodesOf(tables, own, used));
  }
  const idle = patterns.find((pattern) => !used.has(pattern));
  if (idle !== undefined) {
    throw new ArchiverError('missing', `backup "${backup}" has nothing that ${JSON.stringify(idle.text)} names`, {
      hint: 'Names are those of the time of the backup, and upper and lower case matter; tables outside of the schema public are DB/SCHEMA.TABLE.',
    });
  }
  return (path) => {
    const [, inBase, inTablespace, fileName = ''] =
      /^(?:base\/(\d+)|pg_tblspc\/[^/]+\/[^/]+\/(\d+))\/([^/]+)$/.exec(path) ?? [];
    const database = Number(inBase ?? inTablespace ?? 0);
    const relfilenode = /^\d+/.exec(fileName)?.[0];
    return (
      database < firstUserOid || relfilenode === undefined || wanted.get(database)?.has(Number(relfilenode)) === true
    );
  };
}

function relfilenodesOf(
  tables: ReadonlyMap<string, RelationEntry>,
  patterns: readonly RelationPattern[],
  used: Set<RelationPattern>,
): ReadonlySet<number> {
  const relfilenodes = new Set<number>();
  const toastTables = new Set<string>();

  function want({ oid, relfilenode, subtables = new Map() }: RelationEntry): void {
    relfilenodes.add(relfilenode);
    toastTables.add(`pg_toast.pg_toast_${oid}`).add(`pg_toast.pg_toast_${oid}_index`);
    for (const child of subtables.values()) want(child);
  }

  function look(relations: ReadonlyMap<string, RelationEntry>): void {
    for (const [name, relation] of relations) {
      if (relation.oid < firstUserOid) relfilenodes.add(relation.relfilenode);
      const matching = patterns.filter((pattern) => pattern.matchesRelation(name));
      for (const pattern of matching) used.add(pattern);
      if (matching.length > 0) want(relation);
      else look(relation.subtables ?? new Map());
    }
  }

  look(tables);
  for (const name of toastTables) relfilenodes.add(tables.get(name)?.relfilenode ?? 0);
  return relfilenodes;
}

function untold(backup: string, what: string): CorruptError {
  return new CorruptError(`backup "${backup}" does not tell ${what}`, {
    hint: 'Such a backup can only be restored as a whole: leave --restore-only out.',
  });
}
