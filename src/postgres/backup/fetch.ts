/**
 * Restores a full backup into an empty directory: everything is looked at before a byte is written, parts are unpacked
 * side by side, and `pg_control` comes last, so that a restore that did not end well cannot be started.
 */
import { dirname, resolve } from 'node:path';
import type { Transport } from '../../pipeline/transport.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import { controlFilePath } from '../pgdata.ts';
import { readContents } from './backup-contents.ts';
import { checkArrived, checkLabel, checkRestoredControl, checkRestoredLabel } from './check-restore.ts';
import { completeRestore } from './complete-restore.ts';
import { readStoredControl, type StoredControl } from './control-of-backup.ts';
import { DeltaBackupError } from './delta-backup-error.ts';
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

/** A restore that nothing speaks against, all looked at and nothing written. */
export interface PreparedFetch {
  readonly request: FetchRequest;
  readonly layout: RestoreLayout;
  readonly plan: FetchPlan;
  readonly control: StoredControl | undefined;
  /** Label and tablespace map, where they have an object of their own. */
  readonly labels: ReadonlyMap<MemberPath, SmallFile>;
  /** Members that are not written. */
  readonly leaveOut: readonly MemberPath[];
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
 * Looks at everything that could speak against a restore.
 *
 * @throws DeltaBackupError; ArchiverError: `usage` for a wrong specification, `cannotWrite` for a destination that is
 *   not empty, `corrupt` for a damaged backup
 */
export async function prepareFetch(
  services: Pick<FetchServices, 'transport' | 'logger' | 'signal'>,
  request: FetchRequest,
): Promise<PreparedFetch> {
  const { transport, logger, signal } = services;
  const { backup, sentinel, mask } = request;
  if (sentinel.kind === 'delta') throw new DeltaBackupError(backup, sentinel.root);
  if (mask !== undefined) globMatcher(mask);

  const destination = resolveDestination(request.destination);
  requireEmpty(destination);
  const spaces = planTablespaces({
    destination,
    alias: resolve(request.destination),
    recorded: sentinel.tablespaces,
    spec: request.restoreSpec,
  });
  for (const directory of Object.values(spaces.directories)) requireEmpty(directory);

  const plan = planFetch(await readContents(transport, backup, { sentinel, logger, signal }));
  for (const { key } of plan.strays) logger.warn('a part that the backup does not list is left out', { key });
  const control =
    plan.control === undefined
      ? undefined
      : await readStoredControl(transport, plan.control.key, { ...sentinel, signal, logger });
  const labels = plan.label === undefined ? noFiles : await readSmallTar(transport, plan.label.key, { signal });
  const label = labels.get(labelMember);
  if (label !== undefined) checkLabel(backup, sentinel, label.bytes);
  return {
    request,
    layout: { destination, tablespaces: spaces.directories },
    plan,
    control,
    labels,
    leaveOut: [
      // Backups of WAL-E have it in a part only.
      ...(control === undefined ? [] : [controlFilePath]),
      ...(spaces.asRecorded ? [] : [tablespaceMapMember]),
      ...(request.additions.size === 0 ? [] : recoveryFiles),
    ],
  };
}

/**
 * Restores what was prepared.
 *
 * @throws ArchiverError: `corrupt` for a damaged backup, `cannotWrite` for a full disk, `unavailable` when the storage
 *   does not come back. The directory is then left as it is, without `pg_control`.
 */
export async function restoreBackup(services: FetchServices, prepared: PreparedFetch): Promise<FetchSummary> {
  const { logger } = services;
  const { request, layout, plan, control, labels, leaveOut } = prepared;
  const { backup, sentinel, mask, durable, additions } = request;
  const { destination } = layout;
  const wanted = plan.wanted === undefined ? undefined : createNameSet(plan.wanted);

  logger.info('restoring backup', { backup, destination, parts: plan.parts.length, storedBytes: plan.totalBytes });
  try {
    makeDestinations(layout);
    const parts = await unpack(services, plan, { layout, wanted, mask, durable, leaveOut });
    const small = [...labels.values(), ...(control === undefined ? [] : [control.file])];
    checkArrived(request, { parts, wanted, small });
    if (mask === undefined && !labels.has(labelMember)) checkRestoredLabel(request, layout);
    if (mask === undefined && control === undefined) checkRestoredControl(request, layout);
    const isWanted = (path: MemberPath) => mask === undefined || globMatcher(`/${mask}`)(`/${path}`);
    const lost = await completeRestore({
      layout,
      parts,
      // WAL-G's masks match names with a slash only, so never these two.
      files: mask === undefined ? without(labels, leaveOut) : noFiles,
      control: isWanted(controlFilePath) ? control?.file : undefined,
      walDirectory: mask === undefined ? walDirectoryOf(sentinel) : undefined,
      additions,
      durable,
    });
    for (const { path, target } of parts.flatMap(({ links }) => links)) {
      if (lost.some((link) => link.path === path) || leadsInside(destination, path, target)) continue;
      logger.warn('a symbolic link leads out of the directory: the original may use what it leads to', {
        path,
        target,
      });
    }
    for (const { path } of lost) logger.warn('a symbolic link is left out, its target is not recorded', { path });
    return {
      destination,
      files: parts.reduce((sum, part) => sum + part.filesWritten, 0),
      bytes: parts.reduce((sum, part) => sum + part.memberBytes, 0),
    };
  } catch (error) {
    logger.warn('the restore is incomplete: without pg_control the directory cannot be started', { destination });
    throw error;
  }
}

const noFiles: ReadonlyMap<MemberPath, SmallFile> = new Map();

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

/** The destination may get new folders above it, open to all as usual; those inside are the owner's. */
function makeDestinations({ destination, tablespaces }: RestoreLayout): void {
  makeDestination(destination, 0o755);
  for (const directory of Object.values(tablespaces)) {
    makeDestination(directory, directory.startsWith(`${destination}/`) ? 0o700 : 0o755);
  }
}

function leadsInside(destination: string, path: MemberPath, target: string): boolean {
  return `${resolve(destination, dirname(path), target)}/`.startsWith(`${destination}/`);
}

function without<T>(files: ReadonlyMap<MemberPath, T>, leaveOut: readonly MemberPath[]): ReadonlyMap<MemberPath, T> {
  return new Map([...files].filter(([path]) => !leaveOut.includes(path)));
}

function walDirectoryOf({ pgVersion }: Sentinel): 'pg_wal' | 'pg_xlog' {
  return pgVersion > 0 && pgVersion < 100_000 ? 'pg_xlog' : 'pg_wal';
}
