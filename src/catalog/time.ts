/**
 * Points in time as stored JSON has them: RFC 3339 with up to nine digits of a second. A `Date` would cut them, and the next
 * delta backup compares modification times exactly, so they are nanoseconds since 1970.
 */
import { CorruptError } from '../errors.ts';
import type { ObjectInfo } from '../storage/storage.ts';

/** Nanoseconds since 1970-01-01T00:00:00Z; negative before. */
export type TimeNs = bigint;

/** 0001-01-01T00:00:00Z: WAL-G's "no time". */
export const zeroTimeNs: TimeNs = -62_135_596_800_000_000_000n;

const form = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** When an object was written, as exactly as is known. */
export function modifiedOf({ modified, modifiedNs }: Pick<ObjectInfo, 'modified' | 'modifiedNs'>): TimeNs {
  return modifiedNs ?? timeOfDate(modified);
}

/** Parses an RFC 3339 time; digits beyond nanoseconds are dropped. @throws CorruptError */
export function parseTime(text: string): TimeNs {
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] =
    form.exec(text) ?? [];
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const sameDay = date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day);
  if (!sameDay || Number(minute) > 59 || Number(second) > 59 || Number(offsetMinute) > 59) {
    throw new CorruptError(`not an RFC 3339 time: ${JSON.stringify(text)}`);
  }
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1);
  return BigInt(date.getTime() - offsetMs) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/**
 * Formats a time with as many digits of a second as it needs: `2026-11-21T03:08:13.344458247Z`.
 *
 * @param zone `local` writes it in the zone of this process, `+hh:mm`, and `Z` only when that is UTC
 */
export function formatTime(time: TimeNs, zone: 'utc' | 'local' = 'utc'): string {
  const second = floorDivide(time, 1_000_000_000n);
  const nanoseconds = time - second * 1_000_000_000n;
  const secondMs = Number(second) * 1000;
  const offset = zone === 'utc' ? 0 : -new Date(secondMs).getTimezoneOffset();
  const clock = new Date(secondMs + offset * 60_000).toISOString().slice(0, 19);
  const fraction = nanoseconds === 0n ? '' : `.${nanoseconds.toString().padStart(9, '0').replace(/0+$/, '')}`;
  return `${clock}${fraction}${formatOffset(offset)}`;
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const whole = Math.round(Math.abs(minutes));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(whole / 60))}:${two(whole % 60)}`;
}

/** The time of a `Date`. */
export function timeOfDate(date: Date): TimeNs {
  return BigInt(date.getTime()) * 1_000_000n;
}

/** The `Date` of a time, cut to milliseconds. */
export function dateOfTime(time: TimeNs): Date {
  return new Date(Number(floorDivide(time, 1_000_000n)));
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}
