/** Gathers what the state of an archive of MySQL is made of: from its storages, from the server. */
import { configuredPolicy } from '../../catalog/retention/settings.ts';
import { previewPolicy } from '../../catalog/status/policy-preview.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { readVerifyReports, type VerifyReport } from '../../catalog/verify/report.ts';
import type { RawSettings } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { openTail } from '../binlog/follow/tail.ts';
import { readMysqlInventories } from '../inventory/read-inventory.ts';
import { planDeletion } from '../retention/plan.ts';
import { applyPolicy } from '../retention/policy.ts';
import { mysqlStatus, type MysqlStatus } from './archive-status.ts';
import { askServer } from './server-state.ts';

/** What gathering needs. */
export interface StatusOptions {
  readonly transport: Transport;
  readonly settings: RawSettings;
  /** Leave the server alone. */
  readonly storageOnly: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Looks at the archive and asks the server. It changes nothing. @throws the storage's errors, SettingError */
export async function readStatus(options: StatusOptions): Promise<MysqlStatus> {
  const { transport, settings, clock, signal, storageOnly } = options;
  const policy = configuredPolicy(settings);
  // Before the listing, so that nothing in the archive is newer than what the server says.
  const server = storageOnly ? { kind: 'not asked' as const } : await askServer(settings, options);
  const stored = await readMysqlInventories(transport, { clock, signal });
  const inventories = stored.map(({ inventory }) => inventory);
  const reports = new Map<string, VerifyReport>();
  for (const { transport: one } of stored) {
    for (const [backup, report] of await readVerifyReports(one.storage, { signal })) reports.set(backup, report);
  }
  const tails = await openTail(transport, { signal });
  const now = clock.now();
  return mysqlStatus({
    now,
    location: transport.storage.location,
    storagesAway: (transport.storage.members ?? []).filter(({ isAlive }) => !isAlive).map(({ name }) => name),
    server,
    inventories,
    reports,
    tailBytes: new Map(tails.map(({ name, sizeBytes }) => [name, sizeBytes])),
    policy:
      policy === undefined
        ? undefined
        : previewPolicy({
            applied: () => applyPolicy(inventories, policy, timeOfDate(now)),
            planned: (rule) => planDeletion(inventories, rule, { now: timeOfDate(now) }),
          }),
  });
}
