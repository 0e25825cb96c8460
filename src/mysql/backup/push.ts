/**
 * Stores a stream as a backup of MySQL or MariaDB: its name, what is seen in it as it passes, its position in the binlogs
 * and, last, its sentinel. Where the stream comes from is the caller's.
 */
import { compose, type ByteSource } from '../../bytes/stage.ts';
import type { RateLimiter } from '../../bytes/rate-limiter.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { pushSentinel } from '../../catalog/push-sentinel.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { refuseCutStream } from '../../stream/cut-stream.ts';
import type { StreamLayout } from '../../stream/layout.ts';
import { pushStream, removeStream, type PushedStream } from '../../stream/push-stream.ts';
import { takeStreamName } from '../../stream/stream-name.ts';
import type { BinlogPosition } from '../server/server.ts';
import { parseInfoFiles, type BackupInfo } from './backup-info.ts';
import { RolledBackError, type IncrementBase } from './base.ts';
import { addJournal } from './journal.ts';
import { setPermanence } from './permanence.ts';
import { writePositionNote, type Lineage, type StartPosition } from './position-note.ts';
import { formatSentinel, type BackupTool, type Sentinel, type SentinelCommon } from './sentinel.ts';
import { readEndOfBackup, type ServerAccess, type ServerFacts } from './server-facts.ts';
import { StreamInspection, type StreamFindings } from './stream-inspection.ts';

/** What is pushed, and what is known of it. */
export interface StreamPushOptions {
  readonly transport: Transport;
  readonly layout: StreamLayout;
  /** Read once, from when the server's facts are known. Its error leaves no backup. */
  readonly source: ByteSource;
  /** Where it comes from, for errors: `standard input`. */
  readonly what: string;
  /** What the sentinel calls it; undefined: `xtrabackup` if it turns out to be an xbstream. */
  readonly tool: BackupTool | undefined;
  /** Undefined: no server is configured, and the sentinel says nothing of one. */
  readonly server: { readonly facts: ServerFacts; readonly access: ServerAccess } | undefined;
  /** The producer may have begun before the server was asked: its snapshot may be older. Default: it begins when it is read. */
  readonly beganBefore?: boolean;
  /** What the stream was asked to be an increment of. */
  readonly base?: IncrementBase | undefined;
  readonly lineage?: Lineage | undefined;
  /** Texts of small files that lie beside the stream once it has ended; those in it count more. */
  readonly readInfoBeside?: (() => Promise<ReadonlyMap<string, string>>) | undefined;
  readonly hostname: string;
  readonly userData: JsonValue | undefined;
  readonly isPermanent: boolean;
  readonly countJournals?: boolean;
  readonly allowEmpty?: boolean;
  readonly allowIncomplete?: boolean;
  readonly diskLimiter?: RateLimiter | undefined;
  /** Told how many bytes of the stream have passed in all. */
  readonly onBytes?: ((rawBytes: number) => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A backup that exists. */
export interface PushedStreamBackup {
  readonly name: string;
  readonly sentinel: Sentinel;
  /** Of the stream. */
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/**
 * Stores the backup. When it rejects there is none, and what was stored is removed again as far as that is possible.
 *
 * @throws what the source throws; CorruptError when the stream is damaged or cut; ArchiverError (`config`) when it is an
 *   increment that was not asked for; the storage's errors
 */
export async function pushMysqlStream(options: StreamPushOptions): Promise<PushedStreamBackup> {
  const { transport, layout, diskLimiter, onBytes, clock, logger, signal, allowEmpty = false } = options;
  const { storage } = transport;
  const { allowIncomplete = false } = options;
  await using taken = await takeStreamName(storage, { clock, logger, signal });
  const { name } = taken;
  const startTime = timeOfDate(clock.now());
  const inspection = new StreamInspection({ allowCut: allowIncomplete });
  const inspect = compose(refuseCutStream({ allowEmpty, allowIncomplete, what: options.what }), inspection.stage);
  const pushed = await pushStream(transport, {
    ...{ name, layout, diskLimiter, onBytes, clock, logger, signal },
    source: inspect(options.source),
  });
  try {
    const found = await findingsOf(inspection, options);
    const end = options.server === undefined ? undefined : await readEndOfBackup(options.server.access, logger);
    const position = positionOf(found, end, options);
    tellFindings(found, position, options);
    const times = { startTime, stopTime: timeOfDate(clock.now()) };
    const sentinel = sentinelOf({ ...times, pushed, found, position, end }, options);
    if (sentinel.kind === 'increment' && sentinel.isPermanent) await markChainPermanent(options);
    const { lineage } = options;
    const isNoted = position !== undefined || lineage !== undefined;
    const notes = isNoted ? [await writePositionNote(storage, name, { position, lineage }, { signal })] : [];
    const bytes = Buffer.from(formatSentinel(sentinel));
    await pushSentinel(storage, name, bytes, { signal, completes: [...pushed.objects, ...notes] });
    if (options.countJournals === true && !sentinel.isPermanent) {
      await addJournal(storage, { backup: name, stopTime: times.stopTime }, { logger, signal });
    }
    return { name, sentinel, rawBytes: pushed.rawBytes, storedBytes: pushed.storedBytes };
  } catch (error) {
    await removeStream(storage, name, logger);
    throw error;
  }
}

type Found = BackupInfo & Pick<StreamFindings, 'format' | 'notUnderstood' | 'cut'>;

async function findingsOf(inspection: StreamInspection, options: StreamPushOptions): Promise<Found> {
  const found = await inspection.findings();
  const beside = (await options.readInfoBeside?.()) ?? new Map<string, string>();
  if (beside.size === 0) return found;
  return { ...found, ...parseInfoFiles(new Map([...beside, ...found.infoTexts])) };
}

/**
 * The stream's own word, else where the server stood, which is exact when nothing was written meanwhile. What began before
 * the server was asked may be older than that: then all of the binlog may be missing in it.
 */
function positionOf(
  found: Found,
  end: BinlogPosition | undefined,
  { server, beganBefore = false }: StreamPushOptions,
): StartPosition | undefined {
  const { position } = found;
  const facts = server?.facts;
  if (position !== undefined) {
    return { ...position, flavor: position.flavor ?? facts?.flavor, serverId: position.serverId ?? facts?.serverId };
  }
  const active = facts?.active;
  if (facts === undefined || active === undefined) return undefined;
  const common = { flavor: facts.flavor, binlog: active.name, serverId: facts.serverId, source: 'server' } as const;
  if (beganBefore) return { ...common, position: 4, gtid: undefined, isExact: false };
  return {
    ...common,
    position: active.position,
    gtid: active.gtid === '' ? undefined : active.gtid,
    isExact: end?.name === active.name && end.position === active.position,
  };
}

function tellFindings(found: Found, position: StartPosition | undefined, { tool, logger }: StreamPushOptions): void {
  if (found.notUnderstood !== undefined) {
    logger.warn('the stream has something that this version does not know: it was stored, but not checked', {
      what: found.notUnderstood,
    });
  }
  if (found.cut !== undefined) logger.warn('the stream is not whole', { reason: found.cut });
  if (tool === 'unspecified' && (found.fromLsn ?? 0n) > 0n) {
    logger.warn(
      'the stream is an increment, and stored as a backup of its own: whoever restores it must know of what',
      {
        fromLsn: found.fromLsn,
      },
    );
  }
  if (position === undefined) {
    logger.info('nobody told where in the binlogs the backup stands');
    return;
  }
  const { binlog, position: offset, gtid, source, isExact } = position;
  logger.info('position of the backup in the binlogs', { binlog, position: offset, gtid, source });
  if (!isExact) {
    logger.warn('the position is that of the server when the backup began: a replay may repeat what is in it', {
      hint: 'let the dump note its own position (--master-data=2, or --source-data=2)',
    });
  }
}

interface Finished {
  readonly startTime: bigint;
  readonly stopTime: bigint;
  readonly pushed: PushedStream;
  readonly found: Found;
  readonly position: StartPosition | undefined;
  readonly end: BinlogPosition | undefined;
}

function sentinelOf(
  { startTime, stopTime, pushed, found, position, end }: Finished,
  options: StreamPushOptions,
): Sentinel {
  const { base } = options;
  const facts = options.server?.facts;
  const tool = options.tool ?? (found.format === 'xbstream' ? 'xtrabackup' : 'unspecified');
  const isXtrabackup = tool === 'xtrabackup';
  const common: SentinelCommon = {
    tool,
    binlogStart: position?.binlog,
    binlogEnd: end?.name ?? position?.binlog,
    startTime,
    stopTime,
    uncompressedBytes: pushed.rawBytes,
    compressedBytes: pushed.storedBytes,
    hostname: options.hostname,
    serverUuid: facts?.serverUuid,
    serverVersion: facts?.version ?? found.serverVersion,
    serverArch: isXtrabackup ? goArchOf(process.arch) : undefined,
    serverOs: isXtrabackup ? process.platform : undefined,
    isPermanent: options.isPermanent,
    userData: options.userData,
    toLsn: isXtrabackup ? found.toLsn : undefined,
    fromLsn: isXtrabackup ? found.fromLsn : undefined,
  };
  if (!isXtrabackup) return { kind: 'full', ...common };
  const from = found.fromLsn ?? 0n;
  if (from === 0n && base !== undefined) {
    if (found.fromLsn === undefined) throw unknownLsns();
    options.logger.warn('an increment was asked for, and the create command made a full backup');
  }
  if (from === 0n) return { kind: 'full', ...common };
  if (base === undefined || from > base.lsn) throw unwantedIncrement(from, base);
  if (found.toLsn !== undefined && found.toLsn < from) throw new RolledBackError(from, found.toLsn);
  return { kind: 'increment', ...common, parent: base.name, root: base.root, steps: base.steps };
}

function unknownLsns(): ArchiverError {
  return new ArchiverError('config', 'cannot tell whether the create command made an increment, and of what', {
    hint: 'Let it write an xbstream, or let it accept --extra-lsndir: xtrabackup_checkpoints says it.',
  });
}

function unwantedIncrement(from: bigint, base: IncrementBase | undefined): ArchiverError {
  const wanted = base === undefined ? 'and a full backup was asked for' : `and one from LSN ${base.lsn} was asked for`;
  return new ArchiverError('config', `the create command made an increment from LSN ${from}, ${wanted}`, {
    hint: 'Leave --incremental-lsn and --incremental-basedir out of WALG_STREAM_CREATE_COMMAND: xtrabackup-push --full=false adds what it takes.',
  });
}

/** The oldest first: a run that is cut off leaves no permanent backup that builds on one which is not. */
async function markChainPermanent({ transport, base, logger, signal }: StreamPushOptions): Promise<void> {
  for (const { backup } of base?.chain ?? []) {
    if (await setPermanence(transport.storage, backup, { isPermanent: true, signal })) {
      logger.info('made permanent what the backup builds on', { backup });
    }
  }
}

const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

function goArchOf(architecture: string): string {
  return goArchitectures[architecture] ?? architecture;
}
