/** What the commands of `delete` need of an archive of Postgres. */
import { inOrderOfCompletion } from '../../catalog/order.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { timeToTheSecond } from '../../catalog/time-text.ts';
import { formatTime, timeOfDate } from '../../catalog/time.ts';
import { readSetting } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { readInventories } from '../../postgres/inventory/read-inventory.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import { recoveryWindows, type RecoveryWindow } from '../../postgres/recovery/windows.ts';
import { afterDeletion } from '../../postgres/retention/after-deletion.ts';
import { planDeletion } from '../../postgres/retention/plan.ts';
import { applyPolicy } from '../../postgres/retention/policy.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { segmentBytesOf } from '../../postgres/status/segment-size.ts';
import type { App } from '../command.ts';
import type { DeletionArchive, LogWords } from '../deletion/archive.ts';

const words: LogWords = {
  log: 'WAL',
  own: 'its own',
  of: ({ sequence }) => `WAL of timeline ${sequence}`,
  file: 'segment',
  files: 'segments',
  key: 'wal',
  rangeJson: ({ storageName, sequence, first, last, files, sizeBytes }) => ({
    storage_name: storageName ?? null,
    timeline: sequence,
    first,
    last,
    segments: files,
    bytes: sizeBytes,
  }),
};

/** Looks at the archive. @throws the storage's errors */
export async function readDeletionArchive(app: App, transport: Transport): Promise<DeletionArchive> {
  const stored = await readArchive(app, transport);
  const inventories = stored.map(({ inventory }) => inventory);
  return {
    words,
    storages: stored.map((one) => one.transport.storage),
    plan: (rule, options) => planDeletion(inventories, rule, options),
    applyPolicy: (policy, now) => applyPolicy(inventories, policy, now),
    windowsWithout: (removals) =>
      recoveryWindows(afterDeletion(inventories, removals)).windows.map((window) => ({
        text: windowText(window),
        json: windowJson(window),
      })),
  };
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

function windowText({ timeline, from, to, systemIdentifier }: RecoveryWindow): string {
  const start = `${formatLsn(from.lsn)}${from.time === undefined ? '' : ` (${timeToTheSecond(from.time)})`}`;
  const archived = to.archived === undefined ? '' : ` (archived ${timeToTheSecond(timeOfDate(to.archived))})`;
  const system = systemIdentifier === undefined ? '' : ` of system ${systemIdentifier}`;
  return `timeline ${timeline}${system}: from ${start} to ${formatLsn(to.lsn)}${archived}`;
}

function windowJson({ systemIdentifier, timeline, from, to, backups, isBroken }: RecoveryWindow): JsonValue {
  return {
    system_identifier: systemIdentifier ?? null,
    timeline,
    from_lsn: formatLsn(from.lsn),
    from_time: from.time === undefined ? null : formatTime(from.time),
    to_lsn: formatLsn(to.lsn),
    to_archived: to.archived === undefined ? null : formatTime(timeOfDate(to.archived)),
    backups: [...backups],
    is_broken: isBroken,
  };
}
