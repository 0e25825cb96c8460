/** Tells what a restore in place would do. */
import { stringifyJson } from '../../catalog/json.ts';
import { describeFetch } from '../backup/describe-fetch.ts';
import type { InPlaceCounts, PreparedInPlace } from './restore-in-place.ts';

/** Lines for `--dry-run`. */
export function describeInPlace(prepared: PreparedInPlace, counts: InPlaceCounts): string {
  const { keptFiles, keptBytes, removedFiles, removedBytes, unarchivedWal, parts, storedBytes } = counts;
  const lines = [
    `to keep     ${keptFiles} files, ${keptBytes} bytes`,
    `to fetch    ${parts} parts, ${storedBytes} bytes`,
    `to remove   ${removedFiles} files, ${removedBytes} bytes`,
    ...(unarchivedWal > 0 ? [`to lose     ${unarchivedWal} files of WAL that are not archived`] : []),
  ];
  const whole = describeFetch(prepared)
    .split('\n')
    .filter((line) => !line.startsWith('to fetch'));
  return [...whole.slice(0, 2), ...lines, ...whole.slice(2)].join('\n');
}

/** The same for programs. */
export function jsonOfInPlace(
  { request, layout }: Pick<PreparedInPlace, 'request' | 'layout'>,
  counts: InPlaceCounts,
): string {
  return `${stringifyJson({
    backup: request.backup,
    directory: layout.destination,
    keep: { files: counts.keptFiles, bytes: counts.keptBytes },
    fetch: { parts: counts.parts, bytes: counts.storedBytes },
    remove: { files: counts.removedFiles, bytes: counts.removedBytes },
    unarchived_wal: counts.unarchivedWal,
  })}\n`;
}
