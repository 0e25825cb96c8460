/**
 * Restores a backup, with those it builds on, into an empty directory: everything is looked at before a byte is written,
 * parts of one backup are unpacked side by side, and `pg_control` comes last, so that a restore that did not end well
 * cannot be started.
 */
import { dirname, resolve } from 'node:path';
import type { Transport } from '../../pipeline/transport.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import { controlFilePath } from '../pgdata.ts';
import { readChain } from '../restore/chain.ts';
import { planChain, type ChainPlan } from '../restore/chain-plan.ts';
import { planRestoreOnly, type RelationPattern } from '../restore/restore-only.ts';
import { unpackChain } from '../restore/unpack-chain.ts';
import { markChainVisible } from '../restore/visibility-marks.ts';
import { checkArrived, checkLabel, checkRestoredControl, checkRestoredLabel } from './check-restore.ts';
import { completeRestore } from './complete-restore.ts';
import { readStoredControl, type StoredControl } from './control-of-backup.ts';
import type { FetchedPart } from './fetch-part.ts';
import { makeDestination, requireEmpty, resolveDestination } from './destination.ts';
import { globMatcher } from '../../catalog/glob.ts';
import type { MemberPath } from './member-path.ts';
import { labelMember, tablespaceMapMember } from './names.ts';
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
  /** Databases and tables; all others are left out. Undefined: everything is restored. */
  readonly restoreOnly: readonly RelationPattern[] | undefined;
  /** Appended to files of the cluster: recovery settings and signal. */
  readonly additions: ReadonlyMap<MemberPath, string>;
  /** Everything is on disk at the end. */
  readonly durable: boolean;
  /** With a delta backup, whether it is unpacked before those it builds on (each page is written once) or after them. */
  readonly newestFirst: boolean;
  /** The destination holds the cluster already, see `restore-in-place.ts`: only what differs is written. */
  readonly inPlace: boolean;
  /** Parts that hold nothing that newer backups don't replace are not fetched. */
  readonly skipRedundantParts: boolean;
}

/** A restore that nothing speaks against, all looked at and nothing written. */
export interface PreparedFetch {
  readonly request: FetchRequest;
  readonly layout: RestoreLayout;
  readonly chain: ChainPlan;
  readonly control: StoredControl | undefined;
  /** Label and tablespace map, where they have an object of their own. */
  readonly labels: ReadonlyMap<MemberPath, SmallFile>;
  /** What of the newest backup is in place, and so in no part that is fetched. */
  readonly present?: FetchedPart;
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

/**
 * Looks at everything that could speak against a restore.
 *
 * @throws BrokenChainError; ArchiverError: `usage` for a wrong specification, `cannotWrite` for a destination that is
 *   not empty, `corrupt` for a damaged backup
 */
export async function prepareFetch(
  services: Pick<FetchServices, 'transport' | 'logger' | 'signal'>,
  request: FetchRequest,
): Promise<PreparedFetch> {
  const { transport, logger, signal } = services;
  const { backup, sentinel, mask } = request;
  if (mask !== undefined) globMatcher(mask);

  const destination = resolveDestination(request.destination);
  if (!request.inPlace) requireEmpty(destination);
  const spaces = planTablespaces({
    destination,
    alias: resolve(request.destination),
    recorded: sentinel.tablespaces,
    spec: request.restoreSpec,
  });
  if (!request.inPlace) for (const directory of Object.values(spaces.directories)) requireEmpty(directory);

  const links = await readChain(transport.storage, { backup, sentinel }, { signal });
  const chain = await planChain(
    {
      ...{ transport, logger, signal, skipRedundantParts: request.skipRedundantParts },
      isWanted: await planRestoreOnly(services, { backup, sentinel }, request.restoreOnly),
    },
    links,
  );
  for (const { key } of chain.steps.flatMap(({ plan }) => plan.strays)) {
    logger.warn('a part that the backup does not list is left out', { key });
  }
  const [{ plan }] = chain.steps;
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
    chain,
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
  const { request, layout, chain, present, control, labels, leaveOut } = prepared;
  const { backup, sentinel, mask, durable, additions } = request;
  const { destination } = layout;

  logger.info('restoring backup', { backup, destination, ...sizesOf(chain) });
  try {
    makeDestinations(layout);
    const unpacked = await unpackChain(services, chain, { ...request, layout, leaveOut });
    const small = [...labels.values(), ...(control === undefined ? [] : [control.file])];
    checkArrived(chain, { parts: unpacked[0], small });
    await markChainVisible(services, prepared);
    const parts = [...unpacked.flat(), ...(present === undefined ? [] : [present])];
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
    if (request.restoreOnly !== undefined) {
      logger.warn(
        'only a part was restored: do not use other tables and databases but drop them, their files are missing',
      );
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

/** What a chain comes to. */
export function sizesOf({ steps }: ChainPlan): {
  readonly backups: number;
  readonly parts: number;
  readonly storedBytes: number;
} {
  return {
    backups: steps.length,
    parts: steps.reduce((sum, { plan }) => sum + plan.parts.length, 0),
    storedBytes: steps.reduce((sum, { plan }) => sum + plan.totalBytes, 0),
  };
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
