/** The overview of a status of MySQL. */
import { dateOfTime } from '../../../catalog/time.ts';
import { formatBytes } from '../../../doctor/format.ts';
import type { MysqlStatus } from '../../../mysql/status/archive-status.ts';
import { lastBackupFact, policyFact, provenFact, sizeFact } from '../../status-output/facts.ts';
import type { Fact } from '../../status-output/view.ts';
import { agoText, countText, timeText } from '../../status-output/wording.ts';

/** In order of what matters. */
export function factsOf(status: MysqlStatus): readonly Fact[] {
  return [
    lastBackupFact(status),
    recoveryFact(status),
    binlogFact(status),
    provenFact(status),
    sizeFact(status, 'binlogs'),
    policyFact(status, 'binlog'),
    serverFact(status),
  ];
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
