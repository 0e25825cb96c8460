/** A status of MySQL as it is shown. */
import type { Problem } from '../../../catalog/status/problem.ts';
import { dateOfTime } from '../../../catalog/time.ts';
import type { MysqlStatus } from '../../../mysql/status/archive-status.ts';
import { parseBinlogName } from '../../../mysql/binlog/binlog-name.ts';
import type { LogWording, ShownChart, ShownRow, StatusView } from '../../status-output/view.ts';
import { factsOf } from './facts.ts';

const wording: LogWording = {
  logs: 'binlogs',
  log: 'binlog',
  line: 'Begins in',
  delta: 'increment',
  inherited: undefined,
};

/** All that is shown. */
export function viewOf(status: MysqlStatus, problems: readonly Problem[]): StatusView {
  const { now, location, size, recovery } = status;
  return {
    ...{ now, location, size, wording, problems },
    facts: factsOf(status),
    chart: chartOf(status),
    gaps: recovery.gaps.map(({ base, first, last, binlogs }) => ({ first, last, count: binlogs, line: base })),
    backups: status.backups.map((backup) => ({ ...backup, line: backup.binlog ?? '' })),
  };
}

const leastMs = 60_000;

/** A row for each base name of binlogs; those that do not say where they begin have one of their own. */
function chartOf({ backups, recovery, now }: MysqlStatus): ShownChart {
  const baseOf = (binlog: string | undefined): string => parseBinlogName(binlog ?? '')?.base ?? '';
  const bases = new Set([...backups.map(({ binlog }) => baseOf(binlog)), ...recovery.windows.map(({ base }) => base)]);
  const rows = [...bases].sort().map((base): ShownRow => ({
    label: base === '' ? 'without binlogs' : base,
    bars: recovery.windows
      .filter((window) => window.base === base)
      .map(({ from, to }) => {
        const begin = dateOfTime(from.time);
        return {
          from: begin,
          to: to.stored > begin ? to.stored : begin,
          inheritedUntil: undefined,
          places: { from: from.binlog, to: to.binlog },
        };
      }),
    backups: backups.filter(({ binlog }) => baseOf(binlog) === base),
  }));
  const times = rows.flatMap((row) => [
    ...row.bars.map(({ from }) => from.getTime()),
    ...row.backups.map(({ finished }) => finished.getTime()),
  ]);
  return { from: new Date(Math.min(now.getTime() - leastMs, ...times)), to: now, rows };
}
