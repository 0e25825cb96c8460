/**
 * Restores a full backup into an empty directory: everything is looked at before a byte is written, parts are unpacked
 * side by side, and `pg_control` comes last, so that a restore that did not end well cannot be started.
 */
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import { controlFilePath } from '../pgdata.ts';
import { readContents } from './backup-contents.ts';
import { checkArrived, checkLabel, checkRestoredLabel } from './check-restore.ts';
import { completeRestore } from './complete-restore.ts';
import { readStoredControl } from './control-of-backup.ts';
import { makeDestination, requireEmpty, resolveDestination } from './destination.ts';
import type { FetchedPart } from './fetch-part.ts';
import { planFetch, type FetchPlan } from './fetch-plan.ts';
import { fetchPart } from './fetch-retry.ts';
import { globMatcher } from './glob.ts';
import type { MemberPath } from './member-path.ts';
import { labelMember, tablespaceMapMember } from './names.ts';
import { createNameSet, type NameSet } from './name-set.ts';
import type { RestoreLayout } from './restore-target.ts';
import type { Sentinel } from './sentinel.ts';
import { readSmallTar, type SmallFile } from './small-tar.ts';
import { planTablespaces } from './tablespaces.ts';
import type { TablespaceSpec } from './tablespace-spec.ts';

/** What a restore needs beside its request. */
export interface FetchServices {
  readonly transport: Transport;
  /** Opened when everything was looked at; disposed at the end. */
  openPool(parts: number): WorkerPool;
  openProgress(totalBytes: number): Progress;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How often a part is tried again while the storage is unavailable. */
  readonly retries: number;
}

/** What to restore, and where. */
export interface FetchRequest {
  readonly destination: string;
  readonly backup: string;
  readonly sentinel: Sentinel;
  /** Where tablespaces go; undefined: see `tablespaces.ts`. */
  readonly restoreSpec: TablespaceSpec | undefined;
  /** Only files that match; the result cannot be started. */
  readonly mask: string | undefined;
  /** Appended to files of the cluster: recovery settings and signal. */
  readonly additions: ReadonlyMap<MemberPath, string>;
  /** Everything is on disk at the end. */
  readonly durable: boolean;
}

/** What was restored. */
export interface FetchSummary {
  readonly destination: string;
  readonly files: number;
  readonly bytes: number;
}

/** Signals that a backup may contain and that would contradict a recovery that is asked for. */
const recoveryFiles: readonly MemberPath[] = ['standby.signal', 'recovery.signal'];
const progressMs = 100;

/**
 * Restores a backup.
 *
 * @throws ArchiverError: `usage` for a delta backup, `cannotWrite` for a destination that is not empty or a full disk,
 *   `corrupt` for a damaged backup. Once writing began the directory is left as it is, without `pg_control`.
 */
export async function fetchBackup(services: FetchServices, request: FetchRequest): Promise<FetchSummary> {
  const { transport, logger, signal } = services;
  const { backup, sentinel, mask, durable } = request;
  if (sentinel.kind === 'delta') throw new DeltaBackupError(backup, sentinel.root);
  if (mask !== undefined) globMatcher(mask);

  const destination = resolveDestination(request.destination);
  requireEmpty(destination);
  const spaces = planTablespaces({
    destination,
    alias: request.destination,
    recorded: sentinel.tablespaces,
    spec: request.restoreSpec,
  });
  const layout: RestoreLayout = { destination, tablespaces: spaces.directories };
  for (const directory of Object.values(layout.tablespaces)) requireEmpty(directory);

  const plan = planFetch(await readContents(transport, backup, { sentinel, signal }));
  const wanted = plan.wanted === undefined ? undefined : createNameSet(plan.wanted);
  const control =
    plan.control === undefined
      ? undefined
      : await readStoredControl(transport, plan.control.key, { ...sentinel, signal, logger });
  const labels = plan.label === undefined ? noFiles : await readSmallTar(transport, plan.label.key, { signal });
  const label = labels.get(labelMember);
  if (label !== undefined) checkLabel(backup, sentinel, label.bytes);

  logger.info('restoring backup', { backup, destination, parts: plan.parts.length, storedBytes: plan.totalBytes });
  for (const [name, directory] of Object.entries(layout.tablespaces))
    logger.info('restoring tablespace', { name, directory });
  let parts: readonly FetchedPart[];
  try {
    for (const directory of [destination, ...Object.values(layout.tablespaces)]) makeDestination(directory);
    parts = await unpack(services, plan, {
      layout,
      wanted,
      mask,
      durable,
      leaveOut: [
        controlFilePath,
        ...(spaces.asRecorded ? [] : [tablespaceMapMember]),
        ...(request.additions.size === 0 ? [] : recoveryFiles),
      ],
    });
    checkArrived(request, {
      parts,
      wanted,
      small: [...labels.values(), ...(control === undefined ? [] : [control.file])],
    });
    const matches = mask === undefined ? () => true : globMatcher(`/${mask}`);
    if (mask === undefined && label === undefined) checkRestoredLabel(request, layout);
    const lost = completeRestore({
      layout,
      parts,
      files: mask === undefined ? labelFiles(labels, spaces.asRecorded) : noFiles,
      control: matches(`/${controlFilePath}`) ? control?.file : undefined,
      walDirectory:
        mask !== undefined ? undefined : sentinel.pgVersion < 100_000 && sentinel.pgVersion > 0 ? 'pg_xlog' : 'pg_wal',
      additions: request.additions,
      durable,
    });
    for (const { path } of lost) logger.warn('a symbolic link is left out, its target is not recorded', { path });
  } catch (error) {
    logger.warn('the restore is incomplete: without pg_control the directory cannot be started', { destination });
    throw error;
  }
  return summaryOf(destination, parts);
}

const noFiles: ReadonlyMap<MemberPath, SmallFile> = new Map();

/** A backup that this version cannot restore. */
export class DeltaBackupError extends ArchiverError {
  constructor(backup: string, root: string) {
    super('usage', `"${backup}" is a delta backup, which this version cannot restore`, {
      hint: `Restore the full backup "${root}" and recover from the WAL archive, or restore with WAL-G.`,
    });
  }
}

async function unpack(
  services: FetchServices,
  plan: FetchPlan,
  job: {
    readonly layout: RestoreLayout;
    readonly wanted: NameSet | undefined;
    readonly mask: string | undefined;
    readonly leaveOut: readonly MemberPath[];
    readonly durable: boolean;
  },
): Promise<readonly FetchedPart[]> {
  const { logger } = services;
  await using pool = services.openPool(plan.parts.length);
  const progress = services.openProgress(plan.totalBytes);
  const shown = setInterval(() => {
    progress.update(pool.bytesDone());
  }, progressMs);
  try {
    return await Promise.all(
      plan.parts.map(async ({ key }) => {
        const part = await fetchPart(
          { ...services, pool },
          { kind: 'fetchPart', key, ...job, wanted: job.wanted?.shared },
        );
        logger.debug('part unpacked', { key, files: part.filesWritten, bytes: part.memberBytes });
        for (const name of part.unlisted) logger.warn('left out, the backup does not list it', { file: name });
        return part;
      }),
    );
  } finally {
    clearInterval(shown);
    progress.finish();
  }
}

function labelFiles(
  labels: ReadonlyMap<MemberPath, SmallFile>,
  withTablespaceMap: boolean,
): ReadonlyMap<MemberPath, SmallFile> {
  const names = [labelMember, ...(withTablespaceMap ? [tablespaceMapMember] : [])];
  return new Map([...labels].filter(([path]) => names.includes(path)));
}

function summaryOf(destination: string, parts: readonly FetchedPart[]): FetchSummary {
  return {
    destination,
    files: parts.reduce((sum, part) => sum + part.filesWritten, 0),
    bytes: parts.reduce((sum, part) => sum + part.memberBytes, 0),
  };
}
