/** Recovery windows in words, for plans, logs and tables. */
import { timeOfDate } from '../../catalog/time.ts';
import { formatLsn } from '../lsn.ts';
import { formatInstant } from './instant.ts';
import type { RecoveryWindow } from './windows.ts';

/** `timeline 1: from 0/2000100 (2026-11-21 12:00:00+00) to 0/6000000 (2026-11-22 08:15:00+00)`; times to the second. */
export function describeWindow({ timeline, from, to }: RecoveryWindow): string {
  const start = from.time === undefined ? '' : ` (${toTheSecond(from.time)})`;
  const end = to.archived === undefined ? '' : ` (${toTheSecond(timeOfDate(to.archived))})`;
  return `timeline ${timeline}: from ${formatLsn(from.lsn)}${start} to ${formatLsn(to.lsn)}${end}`;
}

function toTheSecond(time: bigint): string {
  return formatInstant(time).replace(/\.\d+/, '');
}
