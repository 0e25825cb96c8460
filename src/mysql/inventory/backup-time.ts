/** When backups began, as far as it can be told. */
import { modifiedOf, parseTime, type TimeNs } from '../../catalog/time.ts';
import type { ArchivedStream } from './inventory.ts';

/** The time in the name of a backup, in UTC: when its push began, `stream_20260102T030405Z`. */
export function timeInName(name: string): TimeNs | undefined {
  const [, year, month, day, hour, minute, second] = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(name) ?? [];
  if (year === undefined) return undefined;
  try {
    return parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  } catch {
    return undefined;
  }
}

/** The earliest of all times that may be that of its beginning: by its name, its sentinel and its objects. */
export function earliestStart({
  name,
  started,
  entry,
  objects,
}: Pick<ArchivedStream, 'name' | 'started' | 'entry' | 'objects'>): TimeNs {
  return [timeInName(name), started, ...objects.map(modifiedOf)].reduce<TimeNs>(
    (earliest, time) => (time !== undefined && time < earliest ? time : earliest),
    entry.modified,
  );
}
