/** Where a replay of binary logs stops: `--until`. */
import { formatTime, parseTime, type TimeNs } from '../../../catalog/time.ts';
import { ArchiverError } from '../../../errors.ts';
import { binlogNamed, parseBinlogName } from '../binlog-name.ts';
import { flavorOfGtid, parseGtidSet, type GtidSet } from '../gtid/gtid-set.ts';

/** A moment in the history of a server. */
export type BinlogTarget =
  /** Everything that the archive has. */
  | { readonly by: 'end' }
  /** Transactions committed before this time, as far as their log tells it: MySQL 8 to the microsecond, others to the second. */
  | { readonly by: 'time'; readonly time: TimeNs }
  /** Up to and with the transaction by which all of these have been executed. */
  | { readonly by: 'gtid'; readonly gtids: GtidSet }
  /** The whole transactions that end at or before a position of a binary log. */
  | { readonly by: 'position'; readonly binlog: string; readonly position: number };

/**
 * Reads `--until`: an RFC 3339 time, a GTID or a set of them, or `mysql-bin.000007:1234`.
 *
 * @throws ArchiverError (`usage`)
 */
export function parseTarget(text: string): BinlogTarget {
  const known = parsePosition(text) ?? parseGtids(text) ?? parseInstant(text);
  if (known !== undefined) return known;
  throw new ArchiverError('usage', `not a target of recovery: ${JSON.stringify(text)}`, {
    hint: 'Give --until a time such as 2026-11-21T14:03:00Z, a GTID such as 0-1-77 or 3e11fa47-71ca-11e1-9e33-c80aa9429562:77, or a position such as mysql-bin.000007:1234.',
  });
}

/** For messages. */
export function describeTarget(target: BinlogTarget): string {
  switch (target.by) {
    case 'end':
      return 'the end of the archive';
    case 'time':
      return formatTime(target.time);
    case 'gtid':
      return target.gtids.toString();
    case 'position':
      return `${target.binlog}:${target.position}`;
  }
}

/** `<binlog>:<position>`; undefined when it is another form. @throws ArchiverError (`usage`) when the position cannot be one */
export function parsePosition(text: string): Extract<BinlogTarget, { by: 'position' }> | undefined {
  const [, file, digits] = /^(.+\.\d+):(\d{1,15})$/.exec(text.trim()) ?? [];
  if (file === undefined || digits === undefined || parseBinlogName(file) === undefined) return undefined;
  const position = Number(digits);
  if (position < 4) {
    throw new ArchiverError('usage', `not a position of a binary log: ${JSON.stringify(text)}`, {
      hint: 'Positions begin at 4.',
    });
  }
  return { by: 'position', binlog: binlogNamed(file).name, position };
}

/** GTIDs of either flavour; undefined when it is another form. @throws ArchiverError (`usage`) when it only begins as one */
export function parseGtids(text: string): Extract<BinlogTarget, { by: 'gtid' }> | undefined {
  if (/^\s*\d{4}-\d\d-\d\d\s*$/.test(text)) {
    throw new ArchiverError('usage', `not a time: ${JSON.stringify(text)}`, {
      hint: 'It looks like a date: add the time of day and the zone, as in 2026-11-21T14:03:00Z.',
    });
  }
  return flavorOfGtid(text) === undefined ? undefined : { by: 'gtid', gtids: parseGtidSet(text) };
}

/** An RFC 3339 time; undefined when it is another form. */
export function parseInstant(text: string): Extract<BinlogTarget, { by: 'time' }> | undefined {
  try {
    return { by: 'time', time: parseTime(text.trim()) };
  } catch {
    return undefined;
  }
}
