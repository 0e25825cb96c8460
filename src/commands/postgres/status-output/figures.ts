/** The overview of a status of PostgreSQL. */
import { formatBytes } from '../../../doctor/format.ts';
import type { ArchiveStatus, StatusBackup } from '../../../postgres/status/archive-status.ts';
import type { AnsweringServer } from '../../../postgres/status/server-state.ts';
import { formatVersion } from '../../../postgres/version.ts';
import { formatLsn } from '../../../postgres/lsn.ts';
import type { Fact } from '../../status-output/view.ts';
import { agoText, amountText, countText, spanText, timeText } from '../../status-output/wording.ts';

/** The overview, in order of what matters. */
export function factsOf(status: ArchiveStatus): readonly Fact[] {
  return [
    lastBackupFact(status),
    recoveryFact(status),
    walFact(status),
    provenFact(status),
    sizeFact(status),
    policyFact(status),
    serverFact(status),
  ];
}

/** The newest backup that can be used. */
export function lastBackupOf({ backups }: ArchiveStatus): StatusBackup | undefined {
  return backups.findLast(({ unusable }) => unusable === undefined);
}

function lastBackupFact(status: ArchiveStatus): Fact {
  const last = lastBackupOf(status);
  const name = 'Last backup';
  if (last === undefined) return { name, value: 'none', details: [] };
  const { finished, started, kind, storedBytes } = last;
  const took = started === undefined ? '' : `, took ${spanText(finished.getTime() - started.getTime())}`;
  return {
    name,
    value: agoText(finished, status.now),
    details: [
      last.name,
      `${kind ?? 'unknown kind'}, ${formatBytes(storedBytes)}${took}, complete ${timeText(finished)}`,
    ],
  };
}

function recoveryFact({ current, recoverableUntil, now }: ArchiveStatus): Fact {
  const name = 'Recovery';
  if (current === undefined) return { name, value: 'not possible', details: [] };
  const { from, to, timeline } = current;
  const start = from.time === undefined ? formatLsn(from.lsn) : timeText(new Date(Number(from.time / 1_000_000n)));
  const end = recoverableUntil === undefined ? formatLsn(to.lsn) : timeText(recoverableUntil);
  return {
    name,
    value: `up to ${recoverableUntil === undefined ? formatLsn(to.lsn) : agoText(recoverableUntil, now)}`,
    details: [
      `any moment from ${start} to ${end}`,
      `timeline ${timeline}, ${formatLsn(from.lsn)} to ${formatLsn(to.lsn)}`,
    ],
  };
}

function walFact({ wal, server, now }: ArchiveStatus): Fact {
  const name = 'WAL';
  if (wal.last === undefined) return { name, value: 'none', details: [] };
  const { segment, stored, end } = wal.last;
  const waiting = server.kind === 'answered' ? server.waitingFiles : undefined;
  return {
    name,
    value:
      wal.lagBytes === undefined ? `stored ${agoText(stored, now)}` : `${formatBytes(wal.lagBytes)} behind the server`,
    details: [
      `last segment ${segment}, to ${formatLsn(end)}, stored ${agoText(stored, now)}`,
      ...(wal.partial === undefined
        ? []
        : [`${wal.partial.segment} in part, stored ${agoText(wal.partial.stored, now)}`]),
      ...(waiting === undefined ? [] : [`${countText(waiting, 'file')} waiting for the archiver`]),
    ],
  };
}

/** The backup that was proven last. */
export function lastProvenOf({
  backups,
}: ArchiveStatus): { readonly backup: StatusBackup; readonly at: Date } | undefined {
  return backups
    .flatMap((backup) => {
      const at = backup.report?.provenAt;
      return at === undefined ? [] : [{ backup, at: new Date(Number(at / 1_000_000n)) }];
    })
    .reduce<{ readonly backup: StatusBackup; readonly at: Date } | undefined>(
      (a, b) => (a !== undefined && a.at > b.at ? a : b),
      undefined,
    );
}

function provenFact(status: ArchiveStatus): Fact {
  const name = 'Last proven';
  const proven = lastProvenOf(status);
  const count = status.backups.filter(({ report }) => report?.status === 'proven').length;
  if (proven === undefined) return { name, value: 'never', details: ['backup-verify reads backups back'] };
  return {
    name,
    value: agoText(proven.at, status.now),
    details: [proven.backup.name, `${count} of ${countText(status.backups.length, 'backup')} proven`],
  };
}

function sizeFact({ size, backups }: ArchiveStatus): Fact {
  const { bytesPerDay } = size;
  return {
    name: 'Size',
    value: formatBytes(size.totalBytes),
    details: [
      `${countText(backups.length, 'backup')}, ${amountText(size.backups)}; WAL, ${amountText(size.logs)}`,
      ...(bytesPerDay === undefined ? [] : [`${formatBytes(bytesPerDay)} stored a day`]),
    ],
  };
}

function policyFact({ policy }: ArchiveStatus): Fact {
  const name = 'Policy';
  if (policy === undefined) return { name, value: 'none set', details: ['WALG_RETENTION_… and delete policy'] };
  if ('reason' in policy) return { name, value: 'refused', details: [policy.reason] };
  const { going, deletes, logs, lines } = policy;
  const rules = lines.flatMap(({ rule, always }) => (always === true ? [] : [rule])).join(', ');
  if (deletes.objects === 0) return { name, value: 'nothing to delete', details: [rules] };
  const what = `${countText(going.length, 'backup')} and ${countText(logs, 'WAL segment')}`;
  return { name, value: `would free ${formatBytes(deletes.bytes)}`, details: [what, rules] };
}

function serverFact({ server }: ArchiveStatus): Fact {
  const name = 'Server';
  switch (server.kind) {
    case 'not asked':
      return { name, value: 'not asked', details: [] };
    case 'none':
      return { name, value: 'none found', details: ['set PGHOST to ask one'] };
    case 'failed':
      return { name, value: 'no answer', details: [server.reason] };
    case 'answered':
      return { name, value: `PostgreSQL ${formatVersion(server.version)}`, details: serverDetails(server) };
  }
}

function serverDetails({ location, inRecovery, timeline, lsn, systemIdentifier }: AnsweringServer): readonly string[] {
  const system = systemIdentifier === undefined ? '' : `, system ${systemIdentifier}`;
  return [
    `${location}, ${inRecovery ? 'a standby' : 'a primary'}`,
    `timeline ${timeline} at ${formatLsn(lsn)}${system}`,
  ];
}
