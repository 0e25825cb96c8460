/** Plans a deletion, tells the plan, and carries it out when that was asked for. */
import { holdExclusively } from '../../catalog/lease/lease.ts';
import { inOrderOfCompletion } from '../../catalog/order.ts';
import { timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { readSetting } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { uploadSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Inventory } from '../../postgres/inventory/inventory.ts';
import { readInventories, type StoredInventory } from '../../postgres/inventory/read-inventory.ts';
import { recoveryWindows } from '../../postgres/recovery/windows.ts';
import { afterDeletion } from '../../postgres/retention/after-deletion.ts';
import { carryOut, type Removal } from '../../catalog/retention/carry-out.ts';
import { objectsOf, type DeletionPlan } from '../../catalog/retention/deletion-plan.ts';
import { planDeletion } from '../../postgres/retention/plan.ts';
import type { PolicyLine } from '../../catalog/retention/policy.ts';
import type { DeletionRule } from '../../catalog/retention/rule.ts';
import { segmentBytesOf } from '../../postgres/status/segment-size.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import type { App, Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { deletionJson } from './deletion-json.ts';
import { amountOf, deletionText } from './deletion-output.ts';

/** What is asked for, when it is known what there is. */
export interface DeletionAsked {
  readonly rule: DeletionRule;
  /** Of a policy: its lines, explained. */
  readonly policy?: readonly PolicyLine[];
}

const noticedAheadMs = 60_000;

/**
 * Runs `delete …`.
 *
 * @throws DeletionRefusedError and others as `planDeletion`; ArchiverError (`busy`) when a push or another deletion is running,
 *   (`unavailable`) when of several storages one is away; the storage's errors
 */
export async function runDeletion(
  app: App,
  { options }: Arguments,
  ask: (inventories: readonly Inventory[], now: TimeNs) => DeletionAsked,
): Promise<void> {
  const { clock, logger, signal } = app;
  const transport = await app.transport('read');
  expectAll(app, transport, options['confirm'] === true);
  if (options['confirm'] !== true) {
    await tell(app, { options, transport, ask, aheadMs: 0 });
    return;
  }
  await using lease = await holdExclusively([transport.storage], 'delete', { clock, logger, signal });
  const { aheadMs } = lease;
  if (aheadMs > noticedAheadMs) {
    logger.warn('the clock of this machine is ahead of that of the storage, which counts for a policy', {
      seconds: Math.round(aheadMs / 1000),
    });
  }
  const { stored, plan } = await tell(app, { options, transport, ask, aheadMs });
  // One that died while it was asked is not among them.
  expectAll(app, transport, true);
  const { objects, bytes } = amountOf(plan);
  if (objects === 0) return;
  const removals = plan.removals.flatMap((removal, at): readonly Removal[] => {
    const storage = stored[at]?.transport.storage;
    return storage === undefined ? [] : [{ ...removal, storage }];
  });
  const progress = showTransfer(app, 'deleting', bytes);
  try {
    const done = await carryOut(removals, {
      logger,
      signal,
      concurrency: readSetting(uploadSettings.concurrency, app.settings),
      checkLease: () => {
        lease.check();
      },
      onProgress: (doneBytes) => {
        progress.update(doneBytes);
      },
    });
    progress.finish();
    logger.info(`Objects deleted successfully: count=${done.objects}`);
  } finally {
    progress.finish();
  }
}

/** Of several storages each must be there: what is in the others may be needed by what is in one that is away. */
function expectAll({ logger }: App, { storage }: Transport, confirmed: boolean): void {
  const away = (storage.members ?? []).filter(({ isAlive }) => !isAlive).map(({ name }) => name);
  if (away.length === 0) return;
  if (confirmed) {
    throw new ArchiverError('unavailable', `storages are away: ${away.join(', ')}`, {
      hint: 'Backups in them may need WAL that is in the others. Delete when all of them are back.',
    });
  }
  logger.warn('storages are away: nothing can be deleted before they are back', { storages: away.join(', ') });
}

/** Its names say how large its segments are, when they are not as large as the settings say. */
async function readArchive({ clock, logger, settings, signal }: App, transport: Transport) {
  const configured = readSetting(postgresSettings.segmentBytes, settings);
  const stored = await readInventories(transport, { segmentBytes: configured, clock, signal });
  const backups = stored.flatMap(({ inventory }) => inventory.backups);
  const segmentBytes = segmentBytesOf(inOrderOfCompletion(backups, timeOfDate(clock.now())), configured);
  if (segmentBytes === configured) return stored;
  logger.warn('the segments of this archive have another size than WALG_PG_WAL_SIZE says', { bytes: segmentBytes });
  return readInventories(transport, { segmentBytes, clock, signal });
}

async function tell(
  app: App,
  {
    options,
    transport,
    ask,
    aheadMs,
  }: {
    readonly options: Arguments['options'];
    readonly transport: Transport;
    readonly ask: (inventories: readonly Inventory[], now: TimeNs) => DeletionAsked;
    /** Of the clock of this machine. A window that ended too late would begin too late. */
    readonly aheadMs: number;
  },
): Promise<{ readonly stored: readonly StoredInventory[]; readonly plan: DeletionPlan }> {
  const { clock, logger } = app;
  const stored = await readArchive(app, transport);
  const inventories = stored.map(({ inventory }) => inventory);
  const now = timeOfDate(clock.now());
  const { rule, policy } = ask(inventories, now - BigInt(aheadMs) * 1_000_000n);
  const isOrdered = rule.kind === 'retain' || rule.kind === 'before';
  const byStart = isOrdered && options['use-sentinel-time'] === true;
  const plan = planDeletion(inventories, rule, { now, byStart });
  const isDryRun = options['confirm'] !== true;
  const report = {
    isDryRun,
    plan,
    policy,
    windowsBefore: recoveryWindows(inventories),
    windowsAfter: recoveryWindows(afterDeletion(inventories, plan.removals)),
  };
  await app.print(options['json'] === true ? `${deletionJson(report)}\n` : deletionText(report));
  // The lines that scripts look for in WAL-G's log.
  for (const removal of plan.removals) {
    const storage = removal.storageName ?? defaultStorageName;
    for (const { key } of objectsOf(removal)) logger.info(`Object marked for deletion: ${key} storage=${storage}`);
  }
  const { objects } = amountOf(plan);
  if (plan.nothing !== undefined) logger.info('No backup found for deletion', { reason: plan.nothing });
  else if (objects === 0) logger.info('No objects matched the deletion criteria.');
  else if (isDryRun) {
    logger.info(`Dry run: objects would be deleted count=${objects}, Run with --confirm to execute`);
  }
  return { stored, plan };
}
