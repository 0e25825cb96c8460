/** The word before a command that says which database is meant (`pg`, `mysql`), and which commands there are for it. */
import type { Database } from '../commands/database.ts';
import type { CommandEntry } from '../commands/index.ts';

/** A command line without that word. */
export interface NamedDatabase {
  /** Undefined: there is no such word. */
  readonly database: Database | undefined;
  readonly rest: readonly string[];
}

const databases: Readonly<Record<string, Database>> = { pg: 'postgres', mysql: 'mysql' };

/** Takes the word off. */
export function takeDatabase(line: readonly string[]): NamedDatabase {
  const [word = ''] = line;
  const database = Object.hasOwn(databases, word) ? databases[word] : undefined;
  return { database, rest: database === undefined ? line : line.slice(1) };
}

/** The word that means a database. */
export function wordOf(database: Database): string {
  return database === 'mysql' ? 'mysql' : 'pg';
}

/** The commands for one database: its own and those for any. */
export function entriesFor(database: Database, entries: readonly CommandEntry[]): readonly CommandEntry[] {
  return entries.filter((entry) => entry.database === undefined || entry.database === database);
}

/** All commands; of two with the same name, that of the database. */
export function withoutTwins(database: Database, entries: readonly CommandEntry[]): readonly CommandEntry[] {
  return entries.filter((entry) => {
    if (entry.database === undefined || entry.database === database) return true;
    return !entries.some((other) => other.name === entry.name && other.database === database);
  });
}
