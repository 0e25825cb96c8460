/** The overview of a status of MySQL. */
import { dateOfTime } from '../../../catalog/time.ts';
import { formatBytes } from '../../../doctor/format.ts';
import type { MysqlStatus, StatusBackup } from '../../../mysql/status/archive-status.ts';
import type { Fact } from '../../status-output/view.ts';
import { agoText, amountText, countText, spanText, timeText } from '../../status-output/wording.ts';

/** In order of what matters. */
export function factsOf(status: MysqlStatus): readonly Fact[] {
  return [
    lastBackupFact(status),
    recoveryFact(status),
    binlogFact(status),
    provenFact(status),
    sizeFact(status),
    policyFact(status),
    serverFact(status),
  ];
}

/** The newest backup that can be used. */
export function lastBackupOf({ backups }: MysqlStatus): StatusBackup | undefined {
  return backups.findLast(({ unusable }) => unusable === undefined);
}

function lastBackupFact(status: MysqlStatus): Fact {
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

function recoveryFact({ current, backups, now }: MysqlStatus): Fact {
  const name = 'Recovery';
  if (current !== undefined) {
    const { from, to } = current;
    return {
      name,
      value: `up to ${agoText(to.stored, now)}`,
      details: [
        `any moment from ${timeText(dateOfTime(from.time))} to ${timeText(to.stored)}`,
        `binlogs ${from.binlog} to ${to.binlog}${to.isOpen ? ', as far as it was followed' : ''}`,
      ],
    };
  }
  const usable = backups.filter(({ unusable }) => unusable === undefined).length;
  if (usable === 0) return { name, value: 'not possible', details: [] };
  return { name, value: 'to the backups themselves', details: ['no binlogs lead on from any of them'] };
}

function binlogFact({ last, tail, lag, now }: MysqlStatus): Fact {
  const name = 'Binlogs';
  const followed = tail === undefined ? [] : [`beginning of ${tail.name}, stored ${agoText(tail.stored, now)}`];
  if (last === undefined) return { name, value: tail === undefined ? 'none' : 'none complete', details: followed };
  return {
    name,
    value: lag === undefined ? `stored ${agoText(last.stored, now)}` : `${formatBytes(lag.bytes)} behind the server`,
    details: [
      `last complete ${last.name}, stored ${agoText(last.stored, now)}`,
      ...followed,
      ...(lag === undefined ? [] : [`${countText(lag.binlogs, 'closed binlog')} to be pushed`]),
    ],
  };
}

/** The backup that was proven last. */
export function lastProvenOf({
  backups,
}: MysqlStatus): { readonly backup: StatusBackup; readonly at: Date } | undefined {
  let last: { readonly backup: StatusBackup; readonly at: Date } | undefined;
  for (const backup of backups) {
    const provenAt = backup.report?.provenAt;
    if (provenAt === undefined) continue;
    const at = dateOfTime(provenAt);
    if (last === undefined || at > last.at) last = { backup, at };
  }
  return last;
}

function provenFact(status: MysqlStatus): Fact {
  const name = 'Last proven';
  const proven = lastProvenOf(status);
  if (proven === undefined) return { name, value: 'never', details: ['backup-verify reads backups back'] };
  const count = status.backups.filter(({ report }) => report?.status === 'proven').length;
  return {
    name,
    value: agoText(proven.at, status.now),
    details: [proven.backup.name, `${count} of ${countText(status.backups.length, 'backup')} proven`],
  };
}

function sizeFact({ size, backups }: MysqlStatus): Fact {
  const { bytesPerDay } = size;
  return {
    name: 'Size',
    value: formatBytes(size.totalBytes),
    details: [
      `${countText(backups.length, 'backup')}, ${amountText(size.backups)}; binlogs, ${amountText(size.logs)}`,
      ...(bytesPerDay === undefined ? [] : [`${formatBytes(bytesPerDay)} stored a day`]),
    ],
  };
}

function policyFact({ policy }: MysqlStatus): Fact {
  const name = 'Policy';
  if (policy === undefined) return { name, value: 'none set', details: ['WALG_RETENTION_… and delete policy'] };
  if ('reason' in policy) return { name, value: 'refused', details: [policy.reason] };
  const { going, deletes, logs, lines } = policy;
  const rules = lines.flatMap(({ rule, always }) => (always === true ? [] : [rule])).join(', ');
  if (deletes.objects === 0) return { name, value: 'nothing to delete', details: [rules] };
  const what = `${countText(going.length, 'backup')} and ${countText(logs, 'binlog')}`;
  return { name, value: `would free ${formatBytes(deletes.bytes)}`, details: [what, rules] };
}

function serverFact({ server }: MysqlStatus): Fact {
  const name = 'Server';
  switch (server.kind) {
    case 'not asked':
      return { name, value: 'not asked', details: [] };
    case 'none':
      return { name, value: 'none set', details: ['set WALG_MYSQL_DATASOURCE_NAME to ask one'] };
    case 'failed':
      return { name, value: 'no answer', details: [server.reason] };
    case 'answered': {
      const { location, version, flavor, serverId, serverUuid, active } = server;
      const uuid = serverUuid === undefined ? '' : `, ${serverUuid}`;
      return {
        name,
        value: flavor === 'mariadb' ? version : `MySQL ${version}`,
        details: [
          `${location}, server id ${serverId}${uuid}`,
          ...(active === undefined
            ? []
            : [`at ${active.name}:${active.position}${active.gtid === '' ? '' : `, GTID ${active.gtid}`}`]),
        ],
      };
    }
  }
}
