/** Plans a deletion, tells the plan, and carries it out when that was asked for. */
import { holdExclusively } from '../../catalog/lease/lease.ts';
import { carryOut, type Removal } from '../../catalog/retention/carry-out.ts';
import { objectsOf, type DeletionPlan } from '../../catalog/retention/deletion-plan.ts';
import type { PolicyLine } from '../../catalog/retention/policy.ts';
import type { DeletionRule } from '../../catalog/retention/rule.ts';
import { timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { readSetting } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { uploadSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import type { App, Arguments } from '../command.ts';
import { databaseOf } from '../database.ts';
import { showTransfer } from '../transfer-progress.ts';
import type { DeletionArchive } from './archive.ts';
import { deletionJson } from './json.ts';
import { amountOf, deletionText } from './text.ts';

/** What is asked for, when it is known what there is. */
export interface DeletionAsked {
  readonly rule: DeletionRule;
  /** Of a policy: its lines, explained. */
  readonly policy?: readonly PolicyLine[];
}

type Ask = (archive: DeletionArchive, now: TimeNs) => DeletionAsked;

type ReadArchive = (app: App, transport: Transport) => Promise<DeletionArchive>;

const noticedAheadMs = 60_000;

/**
 * Runs `delete …`.
 *
 * @throws DeletionRefusedError and others as `planDeletion`; ArchiverError (`busy`) when a push or another deletion is running,
 *   (`unavailable`) when of several storages one is away; the storage's errors
 */
export async function runDeletion(app: App, args: Arguments, ask: Ask): Promise<void> {
  const { clock, logger, signal } = app;
  const { options } = args;
  const read = await readerOf(app, args);
  const transport = await app.transport('read');
  expectAll(app, transport, options['confirm'] === true);
  if (options['confirm'] !== true) {
    await tell(app, { options, read, transport, ask, aheadMs: 0 });
    return;
  }
  await using lease = await holdExclusively([transport.storage], 'delete', { clock, logger, signal });
  const { aheadMs } = lease;
  if (aheadMs > noticedAheadMs) {
    logger.warn('the clock of this machine is ahead of that of the storage, which counts for a policy', {
      seconds: Math.round(aheadMs / 1000),
    });
  }
  const { archive, rule, plan } = await tell(app, { options, read, transport, ask, aheadMs });
  // One that died while it was asked is not among them.
  expectAll(app, transport, true);
  const { objects, bytes } = amountOf(plan);
  if (objects === 0) return;
  const removals = plan.removals.flatMap((removal, at): readonly Removal[] => {
    const storage = archive.storages[at];
    return storage === undefined ? [] : [{ ...removal, storage }];
  });
  await archive.beforehand?.(rule, plan);
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
      hint: 'Backups in them may need WAL or binlogs that are in the others. Delete when all of them are back.',
    });
  }
  logger.warn('storages are away: nothing can be deleted before they are back', { storages: away.join(', ') });
}

async function readerOf(app: App, args: Arguments): Promise<ReadArchive> {
  if ((await databaseOf(app, args)) === 'mysql') return (await import('../mysql/deletion.ts')).readDeletionArchive;
  return (await import('../postgres/deletion.ts')).readDeletionArchive;
}

async function tell(
  app: App,
  {
    options,
    read,
    transport,
    ask,
    aheadMs,
  }: {
    readonly options: Arguments['options'];
    readonly read: ReadArchive;
    readonly transport: Transport;
    readonly ask: Ask;
    /** Of the clock of this machine. A window that ended too late would begin too late. */
    readonly aheadMs: number;
  },
): Promise<{ readonly archive: DeletionArchive; readonly rule: DeletionRule; readonly plan: DeletionPlan }> {
  const { clock, logger } = app;
  const archive = await read(app, transport);
  const now = timeOfDate(clock.now());
  const { rule, policy } = ask(archive, now - BigInt(aheadMs) * 1_000_000n);
  const isOrdered = rule.kind === 'retain' || rule.kind === 'before';
  const byStart = isOrdered && options['use-sentinel-time'] === true;
  const plan = archive.plan(rule, { now, byStart });
  const isDryRun = options['confirm'] !== true;
  const report = {
    isDryRun,
    plan,
    policy,
    words: archive.words,
    windowsBefore: archive.windowsWithout([]),
    windowsAfter: archive.windowsWithout(plan.removals),
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
  return { archive, rule, plan };
}
