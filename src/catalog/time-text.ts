/** Times in lists. */
import { dateOfTime, type TimeNs } from './time.ts';

/** How a time is written in a cell. */
export type TimeStyle = (time: TimeNs) => string;

/** `2026-11-21T03:07:44Z` */
export function timeToTheSecond(time: TimeNs): string {
  return `${dateOfTime(time).toISOString().slice(0, 19)}Z`;
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Saturday, 21-Nov-26 03:07:44 UTC` (RFC 850) */
export function timeForPeople(time: TimeNs): string {
  const date = dateOfTime(time);
  const iso = date.toISOString();
  const day = `${iso.slice(8, 10)}-${months[date.getUTCMonth()] ?? ''}-${iso.slice(2, 4)}`;
  return `${days[date.getUTCDay()] ?? ''}, ${day} ${iso.slice(11, 19)} UTC`;
}
