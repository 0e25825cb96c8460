/**
 * A backup on the running server, from its start to its stop, under a name that nobody else uses: an advisory lock of the
 * session guards it, and a backup of that name that exists already is never touched.
 */
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import { formatLsn, toLsn, type Lsn } from '../lsn.ts';
import type { PostgresServer } from '../server/server.ts';
import { segmentName, segmentOf } from '../wal-segment.ts';
import { deltaBackupName, type DeltaBase } from '../delta/base.ts';
import type { BegunBackup } from '../delta/prove-base.ts';
import { watchServer, type ServerWatch } from './alive-check.ts';
import { fullBackupName } from './names.ts';
import { obstacleToName } from './take-name.ts';

/** What the server handed out when it stopped the backup. */
export interface BackupEnd {
  readonly lsn: Lsn;
  readonly label: string;
  readonly tablespaceMap: string;
  readonly time: Date;
}

/** A backup that is running on the server. Disposal stops it there, unless `stop` did. */
export interface BackupSession extends AsyncDisposable {
  readonly name: string;
  readonly startLsn: Lsn;
  readonly startTime: Date;
  readonly timeline: number;
  readonly inRecovery: boolean;
  /** What the backup is a delta of; undefined: it is a full one. */
  readonly base: DeltaBase | undefined;
  /** Aborted when the run is, and when the server is gone. */
  readonly signal: AbortSignal;
  /** Ends the backup on the server, which on a primary waits for the archiving of the last WAL. */
  stop(): Promise<BackupEnd>;
}

/** How a session is opened. */
export interface SessionOptions {
  readonly storage: Storage;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 = never. */
  readonly aliveCheckIntervalMs: number;
  /** 0 = no limit. */
  readonly stopTimeoutMs: number;
  /** Whether the backup that has begun can be a delta, and of what; it may log why not. */
  chooseBase(begun: BegunBackup): Promise<DeltaBase | undefined>;
}

/** How the labels of our backups begin. */
export const labelOfOurs = 'walvault ';

const startAttempts = 5;

/**
 * Starts a backup on the server and takes its name.
 *
 * @throws ArchiverError: `busy` when another run is pushing a backup of that name, `cannotWrite` when there is one
 */
export async function openBackupSession(server: PostgresServer, options: SessionOptions): Promise<BackupSession> {
  const { clock, logger, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const startTime = clock.now();
    logger.info('starting the backup on the server: it makes a checkpoint first');
    const start = await server.startBackup(`${labelOfOurs}${startTime.toISOString()}`);
    try {
      const { lsn, timeline, inRecovery } = start;
      const walFileName =
        start.walFileName !== ''
          ? start.walFileName
          : segmentName(segmentOf(toLsn(lsn - 1n), timeline, server.segmentBytes), server.segmentBytes);
      const base = await options.chooseBase({ startLsn: lsn, timeline });
      const name = base === undefined ? fullBackupName(walFileName) : deltaBackupName(walFileName, base.name);
      const obstacle = await obstacleToName(name, server, options);
      if (obstacle === undefined) {
        logger.info('backup started', { backup: name, lsn: formatLsn(lsn), timeline });
        return new Session(server, { name, startLsn: lsn, startTime, timeline, inRecovery, base }, options);
      }
      // Every start on a primary opens a new WAL segment, and with it a new name; a standby's waits for a checkpoint.
      if (inRecovery || attempt >= startAttempts) throw obstacle;
      logger.info('the name is taken, starting again', { backup: name });
      await server.cancelBackup();
    } catch (error) {
      await server.cancelBackup();
      throw error;
    }
  }
}

type Started = Pick<BackupSession, 'name' | 'startLsn' | 'startTime' | 'timeline' | 'inRecovery' | 'base'>;

class Session implements BackupSession {
  readonly name: string;
  readonly startLsn: Lsn;
  readonly startTime: Date;
  readonly timeline: number;
  readonly inRecovery: boolean;
  readonly base: DeltaBase | undefined;
  readonly signal: AbortSignal;
  readonly #server: PostgresServer;
  readonly #options: SessionOptions;
  readonly #watch: ServerWatch;
  #isRunning = true;

  constructor(server: PostgresServer, started: Started, options: SessionOptions) {
    this.name = started.name;
    this.startLsn = started.startLsn;
    this.startTime = started.startTime;
    this.timeline = started.timeline;
    this.inRecovery = started.inRecovery;
    this.base = started.base;
    this.#server = server;
    this.#options = options;
    this.#watch = watchServer(server, { signal: options.signal, intervalMs: options.aliveCheckIntervalMs });
    this.signal = this.#watch.signal;
  }

  async stop(): Promise<BackupEnd> {
    this.#options.logger.info('stopping the backup on the server', { backup: this.name });
    const { lsn, label, tablespaceMap } = await this.#server.stopBackup({ timeoutMs: this.#options.stopTimeoutMs });
    this.#watch.stop();
    this.#isRunning = false;
    return { lsn, label, tablespaceMap, time: this.#options.clock.now() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.stop();
    if (!this.#isRunning) return;
    this.#isRunning = false;
    await this.#server.cancelBackup();
  }
}
