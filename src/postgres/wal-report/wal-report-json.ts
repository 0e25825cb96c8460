/** What `wal-show` and `wal-verify` print for programs, byte for byte as WAL-G does; no line ends. */
import { ArchiverError } from '../../errors.ts';
import { formatBackupList } from '../backup/list-columns.ts';
import { segmentName } from '../wal-segment.ts';
import type { CheckStatus, IntegrityReport } from './integrity.ts';
import type { TimelineCheck } from './timeline-check.ts';
import { countOf } from './segment-runs.ts';
import { gapsDownwards, rangeSize, timelineStatus, type TimelineReport } from './timelines.ts';

/** More names than this are of use to nobody; a stray object with a far-off name would make them by the billion. */
const mostMissing = 1_000_000n;

/**
 * One element of the array that `wal-show --detailed-json` prints.
 *
 * @throws ArchiverError (kind `corrupt`) when more segments are missing than anybody could want to read
 */
export function timelineJson(report: TimelineReport, segmentBytes: number): string {
  const { timeline, range, backups = [] } = report;
  const name = (number: bigint) => `"${segmentName({ timeline, number }, segmentBytes)}"`;
  const present = countOf(report.segments);
  const missing = rangeSize(report) - present;
  if (missing > mostMissing) {
    throw new ArchiverError(
      'corrupt',
      `timeline ${timeline} lacks ${missing} segments between its first and its last`,
      {
        hint: 'Look at the table of wal-show without --detailed-json, and whether its first or last segment belongs to another cluster.',
      },
    );
  }
  const names: string[] = [];
  for (const { first, last } of gapsDownwards(report)) {
    for (let number = last; number >= first; number -= 1n) names.push(name(number));
  }
  return object([
    ['id', String(timeline)],
    ['parent_id', String(report.parent)],
    ['switch_point_lsn', String(report.switchLsn)],
    ['start_segment', name(range.first)],
    ['end_segment', name(range.last)],
    ['segments_count', String(present)],
    ['missing_segments', `[${names.join(',')}]`],
    ['backups', backups.length === 0 ? undefined : formatBackupList(backups, { detail: true })],
    ['segment_range_size', String(rangeSize(report))],
    ['status', `"${timelineStatus(report)}"`],
  ]);
}

/** What `wal-verify --json` prints; the checks that were not asked for are left out. */
export function verifyJson(
  results: { readonly integrity?: IntegrityReport | undefined; readonly timeline?: TimelineCheck | undefined },
  segmentBytes: number,
): string {
  const { integrity, timeline } = results;
  return object([
    ['integrity', integrity && checkJson(integrity.status, stretchesJson(integrity, segmentBytes))],
    [
      'timeline',
      timeline &&
        checkJson(
          timeline.status,
          object([
            ['current_timeline_id', String(timeline.current ?? 0)],
            ['highest_storage_timeline_id', String(timeline.highest)],
          ]),
        ),
    ],
  ]);
}

function stretchesJson({ stretches }: IntegrityReport, segmentBytes: number): string {
  if (stretches.length === 0) return 'null';
  const texts = stretches.map(({ timeline, first, last, status }) =>
    object([
      ['timeline_id', String(timeline)],
      ['start_segment', `"${segmentName({ timeline, number: first }, segmentBytes)}"`],
      ['end_segment', `"${segmentName({ timeline, number: last }, segmentBytes)}"`],
      ['segments_count', String(last - first + 1n)],
      ['status', `"${status}"`],
    ]),
  );
  return `[${texts.join(',')}]`;
}

function checkJson(status: CheckStatus, details: string): string {
  return object([
    ['status', `"${status}"`],
    ['details', details],
  ]);
}

function object(members: readonly (readonly [name: string, json: string | undefined])[]): string {
  return `{${members.flatMap(([name, json]) => (json === undefined ? [] : [`"${name}":${json}`])).join(',')}}`;
}
