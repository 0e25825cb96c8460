/**
 * catchup-fetch: brings a stopped standby up to date that is too far behind to get there by WAL. Files come whole or as
 * pages that changed since; what the primary no longer has is left alone. Before anything else the standby loses its
 * `pg_control`, which comes last: what is interrupted cannot be started, and another run carries on.
 */
import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { syncFolder } from '../../platform/files.ts';
import { checkArrived, checkLabel } from '../backup/check-restore.ts';
import { heldBackControlPath } from '../backup/complete-restore.ts';
import { readStoredControl, type StoredControl } from '../backup/control-of-backup.ts';
import { resolveDestination } from '../backup/destination.ts';
import type { FetchedPart } from '../backup/fetch-part.ts';
import { sizesOf, type FetchServices, type FetchSummary } from '../backup/fetch.ts';
import { labelMember, tablespaceMapMember } from '../backup/names.ts';
import { localPath } from '../backup/restore-target.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { readSmallTar, type SmallFile } from '../backup/small-tar.ts';
import { controlFilePath } from '../pgdata.ts';
import { planChain, type ChainPlan, type ChainStep } from '../restore/chain-plan.ts';
import { unpackChain } from '../restore/unpack-chain.ts';
import { restoreVisibilityMarks } from '../restore/visibility-marks.ts';
import { asCatchups, catchupKeyOf } from './catchup-storage.ts';
import { checkCatchup, checkChecksums, checkCluster } from './check-catchup.ts';
import { layoutOfStandby, makeNewTablespaces, requireFiles, type StandbyLayout } from './standby-layout.ts';
import { examineStandby, forgetSetAside, takeOutOfService, type Standby } from './standby.ts';

/** What to fetch, and where to. */
export interface CatchupRequest {
  readonly dataDirectory: string;
  readonly catchup: string;
  readonly sentinel: Sentinel;
  /** Everything is on disk at the end. */
  readonly durable: boolean;
}

/** A catchup that nothing speaks against, all looked at and nothing changed. */
export interface PreparedCatchup {
  readonly request: CatchupRequest;
  readonly standby: Standby;
  readonly layout: StandbyLayout;
  readonly chain: ChainPlan;
  readonly control: StoredControl;
  readonly label: SmallFile;
}

/** The standby has its own, or makes it anew. */
const leftToStandby = [controlFilePath, labelMember, tablespaceMapMember, 'standby.signal', 'recovery.signal'];

/**
 * Looks at everything that could speak against it.
 *
 * @throws CatchupError; CorruptError when the catchup is damaged
 */
export async function prepareCatchup(
  services: Pick<FetchServices, 'transport' | 'logger' | 'signal'>,
  request: CatchupRequest,
): Promise<PreparedCatchup> {
  const { logger, signal } = services;
  const { catchup, sentinel } = request;
  const standby = examineStandby(resolveDestination(request.dataDirectory));
  // Another cluster's LSN means nothing here.
  if (sentinel.systemIdentifier !== undefined) checkCluster(catchup, sentinel.systemIdentifier, standby);
  await checkCatchup({ name: catchup, sentinel }, standby, services.transport, { signal });
  const layout = layoutOfStandby(standby.dataDirectory, sentinel.tablespaces);

  const transport: Transport = { ...services.transport, storage: asCatchups(services.transport.storage) };
  const chain = await planChain({ transport, logger, signal, skipRedundantParts: false }, [
    { backup: catchup, sentinel },
  ]);
  requireFiles(chain, layout);
  const [{ plan }] = chain.steps;
  if (plan.control === undefined || plan.label === undefined) {
    throw new CorruptError(`"${catchup}" lacks its control file or its label`);
  }
  const control = await readStoredControl(transport, plan.control.key, { ...sentinel, signal, logger });
  checkCluster(catchup, sentinel.systemIdentifier ?? control.contents?.systemIdentifier, standby);
  checkChecksums(catchup, control.contents, standby);
  const label = (await readSmallTar(transport, plan.label.key, { signal })).get(labelMember);
  if (label === undefined) throw new CorruptError(`"${catchup}" has no backup label`);
  checkLabel(catchup, sentinel, label.bytes);
  return { request, standby, layout, chain, control, label };
}

/**
 * Unpacks what was prepared over the standby.
 *
 * @throws ArchiverError: `corrupt` for a damaged catchup, `cannotWrite` for a full disk, `unavailable` when the storage
 *   does not come back. The standby is then without `pg_control`
 */
export async function fetchCatchup(services: FetchServices, prepared: PreparedCatchup): Promise<FetchSummary> {
  const { logger } = services;
  const { request, standby, layout, chain, control, label } = prepared;
  const { destination } = layout;
  const { parts: count, storedBytes } = sizesOf(chain);
  logger.info('catching up', { catchup: request.catchup, destination, parts: count, storedBytes });
  try {
    takeOutOfService(standby, request.sentinel.finishLsn ?? standby.control.checkpoint.lsn);
    makeNewTablespaces(layout);
    const [parts] = await unpackChain(services, storedChain(chain), {
      layout,
      leaveOut: [...leftToStandby, ...layout.linkedDirectories],
      durable: request.durable,
      mask: undefined,
      restoreOnly: undefined,
      inPlace: true,
      newestFirst: false,
    });
    checkArrived(chain, { parts, small: [label, control.file] });
    await markVisible(services, prepared);
    complete(prepared, parts);
    return {
      destination,
      files: parts.reduce((sum, part) => sum + part.filesWritten, 0),
      bytes: parts.reduce((sum, part) => sum + part.memberBytes, 0),
    };
  } catch (error) {
    logger.warn('the standby has no pg_control and cannot be started: run catchup-fetch again', { destination });
    throw error;
  }
}

/** As after a chain of deltas: the standby lacks marks that the primary made without LSNs. */
async function markVisible(
  { signal }: FetchServices,
  { chain, layout, control, request: { sentinel, durable } }: PreparedCatchup,
): Promise<void> {
  if (control.contents?.dataChecksumVersion !== 0 || sentinel.kind !== 'delta') return;
  const { parentLsn: since, startLsn: before } = sentinel;
  if (before !== undefined) await restoreVisibilityMarks(chain, { layout, since, before, durable, signal });
}

/** Workers have the storage as it is. */
function storedChain(chain: ChainPlan): ChainPlan {
  const [{ plan, ...step }] = chain.steps;
  const parts = plan.parts.map((part) => ({ ...part, key: catchupKeyOf(part.key) }));
  const stored: ChainStep = { ...step, plan: { ...plan, parts } };
  return { ...chain, steps: [stored] };
}

/** The label before the control file: without it a server would start from the wrong checkpoint, and never notice. */
function complete({ request, standby, layout, control, label }: PreparedCatchup, parts: readonly FetchedPart[]): void {
  const { durable } = request;
  for (const { path, mode } of parts.flatMap(({ directories }) => directories)) {
    if (!layout.linkedDirectories.includes(path)) chmodSync(localPath(layout, path), mode & 0o7777);
  }
  writeFileSync(localPath(layout, labelMember), label.bytes, { mode: label.mode & 0o777, flush: durable });
  const touched = new Set([layout.destination, ...parts.flatMap((part) => part.touched)]);
  if (durable) for (const directory of touched) if (existsSync(directory)) syncFolder(directory);
  const held = localPath(layout, heldBackControlPath);
  writeFileSync(held, control.file.bytes, { mode: control.file.mode & 0o777, flush: durable });
  renameSync(held, localPath(layout, controlFilePath));
  if (durable) syncFolder(dirname(join(layout.destination, controlFilePath)));
  forgetSetAside(standby);
}
