/** The overview of a status of PostgreSQL. */
import { formatBytes } from '../../../doctor/format.ts';
import type { ArchiveStatus } from '../../../postgres/status/archive-status.ts';
import type { AnsweringServer } from '../../../postgres/status/server-state.ts';
import { formatVersion } from '../../../postgres/version.ts';
import { formatLsn } from '../../../postgres/lsn.ts';
import { lastBackupFact, policyFact, provenFact, sizeFact } from '../../status-output/facts.ts';
import type { Fact } from '../../status-output/view.ts';
import { agoText, countText, timeText } from '../../status-output/wording.ts';

/** The overview, in order of what matters. */
export function factsOf(status: ArchiveStatus): readonly Fact[] {
  return [
    lastBackupFact(status),
    recoveryFact(status),
    walFact(status),
    provenFact(status),
    sizeFact(status, 'WAL'),
    policyFact(status, 'WAL segment'),
    serverFact(status),
  ];
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
