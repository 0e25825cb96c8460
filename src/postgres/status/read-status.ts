/** Gathers what the state of an archive is made of: from its storages, from the server. */
import type { RawSettings } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { previewPolicy } from '../../catalog/status/policy-preview.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { readSettings } from '../../config/setting.ts';
import { readInventories, type StoredInventory } from '../inventory/read-inventory.ts';
import { configuredPolicy } from '../../catalog/retention/settings.ts';
import { planDeletion } from '../retention/plan.ts';
import { applyPolicy } from '../retention/policy.ts';
import { postgresSettings } from '../settings.ts';
import { readVerifyReports, type VerifyReport } from '../../catalog/verify/report.ts';
import { archiveStatus, type ArchiveStatus } from './archive-status.ts';
import { segmentBytesOf } from './segment-size.ts';
import { askServer, type ServerState } from './server-state.ts';

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
export async function readStatus(options: StatusOptions): Promise<ArchiveStatus> {
  const { transport, settings, clock, signal } = options;
  const policy = configuredPolicy(settings);
  // Before the listing, so that nothing in the archive is newer than what the server says.
  const server = options.storageOnly ? { kind: 'not asked' as const } : await askServer(settings, options);
  const stored = await readStored(options, server);
  const inventories = stored.map(({ inventory }) => inventory);
  const reports = new Map<string, VerifyReport>();
  for (const { transport: one } of stored) {
    for (const [backup, report] of await readVerifyReports(one.storage, { signal })) reports.set(backup, report);
  }
  const now = clock.now();
  return archiveStatus({
    now,
    location: transport.storage.location,
    storagesAway: (transport.storage.members ?? []).filter(({ isAlive }) => !isAlive).map(({ name }) => name),
    server,
    inventories,
    reports,
    policy:
      policy === undefined
        ? undefined
        : previewPolicy({
            applied: () => applyPolicy(inventories, policy, timeOfDate(now)),
            planned: (rule) => planDeletion(inventories, rule, { now: timeOfDate(now) }),
          }),
  });
}

/** With segments of the size that the server has, or else the backups show. */
async function readStored(
  { transport, settings, logger, clock, signal }: StatusOptions,
  server: ServerState,
): Promise<readonly StoredInventory[]> {
  const configured = readSettings(postgresSettings, settings).segmentBytes;
  const assumed = server.kind === 'answered' ? server.segmentBytes : configured;
  const read = (segmentBytes: number) => readInventories(transport, { segmentBytes, clock, signal });
  const stored = await read(assumed);
  const backups = stored.flatMap(({ inventory }) => inventory.backups);
  const segmentBytes = server.kind === 'answered' ? assumed : segmentBytesOf(backups, assumed);
  if (segmentBytes !== configured) {
    logger.warn('WAL segments have another size than WALG_PG_WAL_SIZE says', {
      megabytes: segmentBytes / (1024 * 1024),
    });
  }
  return segmentBytes === assumed ? stored : read(segmentBytes);
}
