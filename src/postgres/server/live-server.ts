/** A {@link PostgresServer} over a session: its queries, cancelling, and the watch over the connection. */
import { systemClock } from '../../platform/clock.ts';
import { parseLsn } from '../lsn.ts';
import type { Lsn } from '../lsn.ts';
import { pingServer } from './alive.ts';
import { readArchiverState } from './archiver-state.ts';
import { cancelQuery } from './cancel.ts';
import { tryClusterLock } from './cluster-lock.ts';
import type { Connector } from './connection.ts';
import { readDatabases } from './databases.ts';
import type { DatabaseContents } from './databases.ts';
import { learnFacts } from './facts.ts';
import type { LearnedFacts } from './facts.ts';
import { numberOf, textOf } from './rows.ts';
import type { ArchiverState, BackupStart, BackupStop, ConnectOptions, PostgresServer, StopOptions } from './server.ts';
import type { Query, Row, Session } from './session.ts';
import { readUpdates, type RelationUpdates } from './updates.ts';

/** Time limit of the answer to a ping, and of each step of giving a backup up. */
const answerLimitMs = 10_000;

/** The server's settings are 32-bit integers. */
const longestStatementMs = 2 ** 31 - 1;

/** Connects and learns what the server is. @throws as `connectServer` */
export async function openPostgresServer(connector: Connector, options: ConnectOptions): Promise<PostgresServer> {
  const session = await connector.connect({ signal: options.signal });
  try {
    const server = new LiveServer({ session, connector, options, facts: await learnFacts(session, options.logger) });
    options.logger.debug('connected', { location: server.location, version: server.version });
    return server;
  } catch (error) {
    await session.end();
    throw error;
  }
}

class LiveServer implements PostgresServer {
  readonly #session: Session;
  readonly #connector: Connector;
  readonly #facts: LearnedFacts;
  readonly #options: ConnectOptions;
  #backup: 'none' | 'starting' | 'running' = 'none';

  constructor(parts: {
    readonly session: Session;
    readonly connector: Connector;
    readonly facts: LearnedFacts;
    readonly options: ConnectOptions;
  }) {
    this.#session = parts.session;
    this.#connector = parts.connector;
    this.#facts = parts.facts;
    this.#options = parts.options;
  }

  get version(): number {
    return this.#facts.version;
  }
  get systemIdentifier(): bigint | undefined {
    return this.#facts.systemIdentifier;
  }
  get dataDirectory(): string {
    return this.#facts.dataDirectory;
  }
  get inRecovery(): boolean {
    return this.#facts.inRecovery;
  }
  get timeline(): number {
    return this.#facts.timeline;
  }
  get segmentBytes(): number {
    return this.#facts.segmentBytes;
  }
  get blockBytes(): number {
    return this.#facts.blockBytes;
  }
  get relationSegmentPages(): number {
    return this.#facts.relationSegmentPages;
  }
  get archiving(): PostgresServer['archiving'] {
    return this.#facts.archiving;
  }
  get dataChecksums(): boolean {
    return this.#facts.dataChecksums;
  }
  get location(): string {
    return this.#session.location;
  }
  get lost(): AbortSignal {
    return this.#session.lost;
  }

  async startBackup(label: string): Promise<BackupStart> {
    this.#backup = 'starting';
    const [row] = await this.#query({
      text: this.#facts.traits.startBackup,
      values: [label],
      failure: 'cannot start a backup on the server',
    });
    this.#backup = 'running';
    const walFileName = textOf(row, 'file_name');
    return {
      lsn: parseLsn(textOf(row, 'lsn')),
      timeline: walFileName === '' ? await this.timelineNow() : Number.parseInt(walFileName.slice(0, 8), 16),
      walFileName,
      inRecovery: textOf(row, 'in_recovery') === 't',
    };
  }

  async stopBackup({ timeoutMs = 0, waitForArchive = false }: StopOptions = {}): Promise<BackupStop> {
    const row = await this.#stop({ timeoutMs, waitForArchive }, (query) => this.#query(query));
    return {
      lsn: parseLsn(textOf(row, 'lsn')),
      label: textOf(row, 'labelfile'),
      tablespaceMap: textOf(row, 'spcmapfile'),
    };
  }

  async cancelBackup(): Promise<void> {
    if (this.#backup === 'none' || this.lost.aborted) return;
    const { logger, clock = systemClock } = this.#options;
    const limit = new AbortController();
    const timer = clock.sleep(answerLimitMs, limit.signal).then(() => this.#session.destroy(new Error('no answer')));
    try {
      if (this.#session.busy) await cancelQuery(this.#session, this.#connector, answerLimitMs);
      // A start that was cancelled has begun no backup, or one that this ends; the server knows which.
      await this.#stop({ timeoutMs: answerLimitMs, waitForArchive: false }, (query) => this.#session.query(query));
      logger.info('stopped the backup on the server');
    } catch (error) {
      logger.debug('no backup to stop on the server', { reason: String(error) });
    } finally {
      this.#backup = 'none';
      limit.abort();
      await timer.catch(() => undefined);
    }
  }

  async tryLock(name: string): Promise<boolean> {
    return tryClusterLock(name, (query) => this.#query(query));
  }

  async currentLsn(): Promise<Lsn> {
    return this.#lsn({ text: this.#facts.traits.currentLsn, failure: 'cannot ask the server where its WAL ends' });
  }

  async currentTimeline(): Promise<number> {
    const [row] = await this.#query({
      text: this.#facts.traits.currentWalFile,
      failure: 'cannot ask the server for its timeline',
    });
    const walFileName = textOf(row, 'file_name');
    return walFileName === '' ? this.recoveryTimeline() : Number.parseInt(walFileName.slice(0, 8), 16);
  }

  async timelineNow(): Promise<number> {
    const [row] = await this.#query({
      text: 'select timeline_id from pg_catalog.pg_control_checkpoint()',
      failure: 'cannot ask the server for its timeline',
    });
    return numberOf(row, 'timeline_id');
  }

  async recoveryTimeline(): Promise<number> {
    const [row] = await this.#query({
      text: `select greatest(min_recovery_end_timeline, (select timeline_id from pg_catalog.pg_control_checkpoint())) as timeline
        from pg_catalog.pg_control_recovery()`,
      failure: 'cannot ask the server for its timeline',
    });
    return numberOf(row, 'timeline');
  }

  async switchWal(): Promise<Lsn> {
    return this.#lsn({ text: this.#facts.traits.switchWal, failure: 'cannot switch to a new WAL segment' });
  }

  async read(query: Query): Promise<readonly Row[]> {
    return this.#query(query);
  }

  async archivedUpTo(): Promise<ArchiverState> {
    return readArchiverState((query) => this.#query(query));
  }

  async ping(): Promise<void> {
    this.#options.signal.throwIfAborted();
    const { clock = systemClock } = this.#options;
    await pingServer(this.#session, this.#connector, { clock, limitMs: answerLimitMs });
  }

  databases(): AsyncIterable<DatabaseContents> {
    return readDatabases(this.#session, this.#connector, this.#options);
  }

  updates(): AsyncIterable<RelationUpdates> {
    return readUpdates(this.#session, this.#connector, this.#options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.end();
  }

  async #lsn(query: Query): Promise<Lsn> {
    const [row] = await this.#query(query);
    return parseLsn(textOf(row, 'lsn'));
  }

  async #stop(
    { timeoutMs, waitForArchive }: Required<StopOptions>,
    run: (query: Query) => Promise<readonly Row[]>,
  ): Promise<Row | undefined> {
    const { traits } = this.#facts;
    const failure = 'cannot stop the backup on the server';
    const limit = (ms: number): Query => ({
      text: `select pg_catalog.set_config('statement_timeout', $1, false)`,
      values: [String(Math.min(Math.ceil(ms), longestStatementMs))],
      failure,
    });
    await run(limit(timeoutMs));
    const [row] = await run({
      text: traits.stopBackup,
      values: traits.alwaysWaitsForArchive ? [] : [waitForArchive],
      failure,
      ...(timeoutMs === 0 ? {} : { hint: 'Look for a failing archive_command, or raise WALG_STOP_BACKUP_TIMEOUT.' }),
    });
    this.#backup = 'none';
    await run(limit(0));
    return row;
  }

  /** Runs a query that the signal cancels on the server; one that does not heed it is cut off. */
  async #query(query: Query): Promise<readonly Row[]> {
    const { signal, clock = systemClock } = this.#options;
    signal.throwIfAborted();
    const answered = new AbortController();
    const cancel = (): void => {
      void cancelQuery(this.#session, this.#connector, answerLimitMs).catch(() => undefined);
      clock.sleep(answerLimitMs, answered.signal).then(
        () => this.#session.destroy(new Error('no answer')),
        () => undefined,
      );
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const rows = await this.#session.query(query);
      signal.throwIfAborted();
      return rows;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
      answered.abort();
    }
  }
}
