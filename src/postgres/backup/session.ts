/**
 * A backup on the running server, from its start to its stop, under a name that nobody else uses: an advisory lock of the
 * session guards it, and a backup of that name that exists already is never touched.
 */
import { sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import { longestTimerMs, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import { formatLsn, toLsn, type Lsn } from '../lsn.ts';
import type { PostgresServer } from '../server/server.ts';
import { segmentName, segmentOf } from '../wal-segment.ts';
import { fullBackupName } from './names.ts';

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
}

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
    const start = await server.startBackup(`walvault ${startTime.toISOString()}`);
    try {
      const { lsn, timeline, inRecovery } = start;
      const walFileName =
        start.walFileName !== ''
          ? start.walFileName
          : segmentName(segmentOf(toLsn(lsn - 1n), timeline, server.segmentBytes), server.segmentBytes);
      const name = fullBackupName(walFileName);
      const obstacle = await obstacleTo(name, server, options);
      if (obstacle === undefined) {
        logger.info('backup started', { backup: name, lsn: formatLsn(lsn), timeline });
        return new Session(server, { name, startLsn: lsn, startTime, timeline, inRecovery }, options);
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

async function obstacleTo(
  name: string,
  server: PostgresServer,
  { storage, signal }: SessionOptions,
): Promise<ArchiverError | undefined> {
  if (!(await server.tryLock(name))) {
    return new ArchiverError('busy', `another run is pushing the backup "${name}"`, {
      hint: 'Wait for it to end; on a standby the next name comes with the next checkpoint of the primary.',
    });
  }
  if ((await storage.stat(sentinelKey(name), { signal })) !== undefined) {
    return new ArchiverError('cannotWrite', `there is a backup "${name}" already in ${storage.location}`, {
      hint: 'On a standby, run CHECKPOINT on the primary and try again: a backup is named after the checkpoint it starts from.',
    });
  }
  return undefined;
}

type Started = Pick<BackupSession, 'name' | 'startLsn' | 'startTime' | 'timeline' | 'inRecovery'>;

class Session implements BackupSession {
  readonly name: string;
  readonly startLsn: Lsn;
  readonly startTime: Date;
  readonly timeline: number;
  readonly inRecovery: boolean;
  readonly signal: AbortSignal;
  readonly #server: PostgresServer;
  readonly #options: SessionOptions;
  readonly #serverLost = new AbortController();
  #aliveCheck: NodeJS.Timeout | undefined;
  #isRunning = true;

  constructor(server: PostgresServer, started: Started, options: SessionOptions) {
    this.name = started.name;
    this.startLsn = started.startLsn;
    this.startTime = started.startTime;
    this.timeline = started.timeline;
    this.inRecovery = started.inRecovery;
    this.#server = server;
    this.#options = options;
    this.signal = AbortSignal.any([options.signal, server.lost, this.#serverLost.signal]);
    const { aliveCheckIntervalMs } = options;
    if (aliveCheckIntervalMs > 0) this.#checkAliveEvery(aliveCheckIntervalMs);
  }

  async stop(): Promise<BackupEnd> {
    this.#options.logger.info('stopping the backup on the server', { backup: this.name });
    const { lsn, label, tablespaceMap } = await this.#server.stopBackup({ timeoutMs: this.#options.stopTimeoutMs });
    clearInterval(this.#aliveCheck);
    this.#isRunning = false;
    return { lsn, label, tablespaceMap, time: this.#options.clock.now() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#aliveCheck);
    if (!this.#isRunning) return;
    this.#isRunning = false;
    await this.#server.cancelBackup();
  }

  #checkAliveEvery(intervalMs: number): void {
    let isAsking = false;
    this.#aliveCheck = setInterval(
      () => {
        if (isAsking) return;
        isAsking = true;
        this.#server.ping().then(
          () => (isAsking = false),
          (error: unknown) => {
            clearInterval(this.#aliveCheck);
            this.#serverLost.abort(
              new ArchiverError('unavailable', 'the server was lost in the middle of the backup', {
                cause: error,
                hint: 'Start the backup again when the server is back: a backup cannot outlive its session.',
              }),
            );
          },
        );
      },
      Math.min(intervalMs, longestTimerMs),
    );
    this.#aliveCheck.unref();
  }
}
