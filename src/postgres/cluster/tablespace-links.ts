/** What the links in `pg_tblspc` lead to. */
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ArchiverError } from '../../errors.ts';

/**
 * Makes sure that a tablespace is there: a server runs without one whose disk is not mounted, and a backup without it
 * would be restored without its tables.
 *
 * @param names what is in the directory that the link leads to
 * @throws ArchiverError (kind `missing`), unless the tablespace was dropped meanwhile
 */
export function requireTablespace(link: string, target: string, names: readonly string[]): void {
  // The server makes a folder of its version, such as PG_17_202406281, before the link, and removes it just before that.
  if (names.some((name) => name.startsWith('PG_'))) return;
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) return;
  throw new ArchiverError('missing', `tablespace ${basename(link)} is not in the directory of its link: "${target}"`, {
    hint: 'Mount the file system of the tablespace; if it is lost for good, drop the tablespace first.',
  });
}

/**
 * Directories of the tablespaces that lie in the data directory, such as those of a cluster that was restored to another
 * place; `pg_basebackup` passes over them in the same way.
 */
export function tablespacesInside(dataDirectory: string): ReadonlySet<string> {
  const folder = join(dataDirectory, 'pg_tblspc');
  const inside = new Set<string>();
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = entry.isSymbolicLink() ? resolved(join(folder, entry.name)) : undefined;
      if (path !== undefined) inside.add(path);
    }
  } catch {
    // The walk itself tells what cannot be read.
  }
  return inside;
}

/** Undefined when it leads nowhere. */
function resolved(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}
