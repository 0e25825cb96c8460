/** What a push of a local backup is asked to do, and what it says in the end. */
import type { JsonValue } from '../../catalog/json.ts';
import type { RawSettings } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import type { CatchupWish } from '../catchup/catchup-walk.ts';
import type { ComposerName } from '../composers/composer.ts';
import type { ChangesWish } from '../delta/changes-since.ts';
import type { BaseRequest } from '../delta/base.ts';

/** What every push of a backup is asked to do. Durations in milliseconds, 0 = none. */
export interface CommonPushOptions {
  readonly settings: RawSettings;
  readonly transport: Transport;
  /** Where the WAL of the backup is looked for. */
  readonly archive: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Bytes per second; undefined = unlimited. */
  readonly diskRateLimit: number | undefined;
  readonly networkRateLimit: number | undefined;
  readonly thresholdBytes: number;
  /** What WALG_PG_WAL_SIZE says, if it says something. */
  readonly segmentBytes: number | undefined;
  readonly hostname: string;
  readonly userData: JsonValue | undefined;
  readonly isPermanent: boolean;
  readonly filesMetadataDisabled: boolean;
  readonly aliveCheckIntervalMs: number;
  readonly walWaitTimeoutMs: number;
  /** Fail instead of warning when WAL is missing. */
  readonly requireWal: boolean;
  /** Shows the transfer of about so many bytes. */
  openProgress(totalBytes: number): Progress;
}

/** What backup-push of a local data directory is asked to do. */
export interface PushOptions extends CommonPushOptions {
  readonly directory: string;
  readonly workerEntry: URL;
  /** Parts written at once. */
  readonly workers: number;
  /** What delta is wanted; `maxSteps` 0: none. */
  readonly delta: BaseRequest;
  readonly changes: ChangesWish;
  readonly composer: ComposerName;
  /** What a standby that is behind lacks, instead of a backup; undefined: a backup. */
  readonly catchup?: CatchupWish | undefined;
  readonly verify: VerifyOptions;
  readonly resume: ResumeOptions;
  /** Record the names of databases and relations. */
  readonly recordDatabases: boolean;
  readonly stopTimeoutMs: number;
}

/** Whether checksums of pages are verified, and how many corrupt ones are told of for each file. */
export interface VerifyOptions {
  readonly enabled: boolean;
  readonly blocksKept: number;
}

/** Whether the backup may go on where another push was cut off, and be gone on with itself. */
export interface ResumeOptions {
  readonly enabled: boolean;
  /** Of the files of the cluster; smaller ones are not worth it. */
  readonly minBytes: number;
}

/** A backup that exists now. */
export interface PushedBackup {
  readonly name: string;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
}
