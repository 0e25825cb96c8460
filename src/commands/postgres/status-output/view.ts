/** A status of PostgreSQL as it is shown. */
import type { Problem } from '../../../catalog/status/problem.ts';
import { formatLsn } from '../../../postgres/lsn.ts';
import type { ArchiveStatus } from '../../../postgres/status/archive-status.ts';
import { timelineChart, type TimelineChart } from '../../../postgres/status/timeline-chart.ts';
import { viewPage } from '../../status-output/page.ts';
import { viewText } from '../../status-output/text.ts';
import type { LogWording, ShownChart, StatusView } from '../../status-output/view.ts';
import { factsOf } from './facts.ts';

const wording: LogWording = {
  logs: 'WAL',
  log: 'segment',
  line: '#Timeline',
  delta: 'delta',
  inherited: 'by way of an older timeline',
};

/** For the terminal. */
export function statusText(status: ArchiveStatus, problems: readonly Problem[]): string {
  return viewText({ ...viewOf(status, problems), wording: { ...wording, inherited: 'by an older timeline' } });
}

/** One document of HTML. */
export function statusPage(status: ArchiveStatus, problems: readonly Problem[]): string {
  return viewPage(viewOf(status, problems));
}

function viewOf(status: ArchiveStatus, problems: readonly Problem[]): StatusView {
  const { now, location, size, recovery } = status;
  return {
    ...{ now, location, size, wording, problems },
    facts: factsOf(status),
    chart: chartOf(timelineChart(status)),
    gaps: recovery.gaps.map(({ timeline, first, last, segments }) => ({
      ...{ first, last, count: segments },
      line: String(timeline),
    })),
    backups: status.backups.map((backup) => ({ ...backup, line: String(backup.timeline ?? '') })),
  };
}

function chartOf({ from, to, rows }: TimelineChart): ShownChart {
  return {
    ...{ from, to },
    rows: rows.map(({ label, bars, backups }) => ({
      ...{ label, backups },
      bars: bars.map(({ from: start, to: end, inheritedUntil, window }) => ({
        ...{ from: start, to: end, inheritedUntil },
        places: { from: formatLsn(window.from.lsn), to: formatLsn(window.to.lsn) },
      })),
    })),
  };
}
