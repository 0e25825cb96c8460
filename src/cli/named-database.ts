/** The word before a command that says which database is meant (`pg`, `mysql`), and which commands there are for it. */
import type { Database } from '../commands/database.ts';
import type { CommandEntry } from '../commands/index.ts';

/** A command line without that word. */
export interface NamedDatabase {
  /** The word itself: `pg`, `mysql`. */
  readonly word: string | undefined;
  readonly database: Database | undefined;
  readonly rest: readonly string[];
}

const words: Readonly<Record<string, Database>> = { pg: 'postgres', mysql: 'mysql' };

/** Takes the word off. */
export function takeDatabase(line: readonly string[]): NamedDatabase {
  const [word = ''] = line;
  const database = Object.hasOwn(words, word) ? words[word] : undefined;
  if (database === undefined) return { word: undefined, database, rest: line };
  return { word, database, rest: line.slice(1) };
}

/** The word that means a database. */
export function wordOf(database: Database): string {
  return database === 'mysql' ? 'mysql' : 'pg';
}

/** The commands for one database: its own and those for any. */
export function entriesFor(database: Database, entries: readonly CommandEntry[]): readonly CommandEntry[] {
  return entries.filter((entry) => entry.database === undefined || entry.database === database);
}

/**
 * One entry for each name: of two commands of one name, that of the database; all others as they are, whatever they are
 * for.
 */
export function withoutTwins(database: Database, entries: readonly CommandEntry[]): readonly CommandEntry[] {
  return entries.filter(
    (entry) =>
      entry.database === undefined ||
      entry.database === database ||
      !entries.some((other) => other !== entry && other.name === entry.name),
  );
}
