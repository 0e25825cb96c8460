/** Going through the databases of a server, over a connection of its own to each. */
import { InterruptedError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Connector } from './connection.ts';
import { numberOf, textOf } from './rows.ts';
import type { Session } from './session.ts';

/** A database. */
export interface Database {
  readonly name: string;
  readonly oid: number;
  /** Tablespace of relations that name none. */
  readonly tablespaceOid: number;
}

/** What going through them needs. */
export interface EachDatabaseOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Asks each database that accepts connections, one after the other. One that cannot be connected to is left out with a
 * warning; a query that fails is an error. No search_path is set: names in queries are qualified.
 */
export async function* eachDatabase<T>(
  session: Session,
  connector: Connector,
  { ask, logger, signal }: EachDatabaseOptions & { readonly ask: (own: Session, database: Database) => Promise<T> },
): AsyncGenerator<T> {
  const rows = await session.query({
    text: `select oid, datname, dattablespace from pg_catalog.pg_database where datallowconn order by oid`,
    failure: 'cannot list the databases',
  });
  for (const row of rows) {
    const name = textOf(row, 'datname');
    let own;
    try {
      own = await connector.connect({ database: name, signal });
    } catch (error) {
      signal.throwIfAborted();
      session.lost.throwIfAborted();
      logger.warn('a database is left out, it does not accept the connection', {
        database: name,
        reason: messageOf(error),
      });
      continue;
    }
    // A lock on a catalogue may keep the query waiting for long.
    const cut = (): void => own.destroy(new InterruptedError());
    signal.addEventListener('abort', cut, { once: true });
    try {
      // The database may belong to someone who must not run code as us: no operator of his own making is to be found.
      await own.query({
        text: `select pg_catalog.set_config('search_path', '', false)`,
        failure: `cannot set up the session in the database "${name}"`,
      });
      yield await ask(own, {
        name,
        oid: numberOf(row, 'oid'),
        tablespaceOid: numberOf(row, 'dattablespace'),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', cut);
      await own.end();
    }
  }
}
