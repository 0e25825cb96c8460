/** Points in time in the forms that PostgreSQL and its users write. Values are nanoseconds, see `catalog/time.ts`. */
import type { TimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';

/** Microseconds from 1970 to 2000, PostgreSQL's epoch. */
const postgresEpoch = 946_684_800_000_000n;

/** A `TimestampTz` of PostgreSQL: microseconds since 2000. */
export function fromPostgresTimestamp(microseconds: bigint): TimeNs {
  return (microseconds + postgresEpoch) * 1000n;
}

const form =
  /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * Reads `2026-11-21 14:04:30`, with a fraction, `T` for the blank, and a zone (`Z`, `+01`, `-03:30`) if wanted. Without
 * a zone it is local time, by the zone of this process. Cut to microseconds, which is what PostgreSQL keeps.
 *
 * @throws ArchiverError (kind `usage`) for any other form and for dates that do not exist
 */
export function parseInstant(text: string): TimeNs {
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = form.exec(text.trim()) ?? [];
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = [year, month, day, hour, minute, second].map(Number);
  const wall = new Date(Date.UTC(y, mo - 1, d, h, mi, s));
  const sameDay = wall.getUTCFullYear() === y && wall.getUTCMonth() === mo - 1 && wall.getUTCDate() === d;
  const exists = sameDay && h < 24 && mi < 60 && s < 60;
  if (year === undefined || !exists) {
    throw new ArchiverError('usage', `not a point in time: ${JSON.stringify(text)}`, {
      hint: 'Write it as 2026-11-21 14:04:30+01; without a zone it is local time.',
    });
  }
  const ms = zone === undefined ? new Date(y, mo - 1, d, h, mi, s).getTime() : wall.getTime() - offsetMs(zone);
  return BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0')) * 1000n;
}

function offsetMs(zone: string): number {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** The form that PostgreSQL reads and prints in UTC: `2026-11-21 13:04:30.5+00`; cut to microseconds. */
export function formatInstant(time: TimeNs): string {
  const microseconds = (time - (((time % 1000n) + 1000n) % 1000n)) / 1000n;
  const inSecond = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const fraction = inSecond.toString().padStart(6, '0').replace(/0+$/, '');
  const whole = new Date(Number((microseconds - inSecond) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
  return `${whole}${fraction === '' ? '' : `.${fraction}`}+00`;
}
