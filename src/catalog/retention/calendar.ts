/** Periods of the calendar, in UTC. */
import { dateOfTime, type TimeNs } from '../time.ts';
import type { CalendarUnit } from './policy.ts';

const dayMs = 86_400_000;

/** Names the period that a moment lies in: `2026-11-21`, `2026-W47` (ISO 8601, weeks begin on Monday), `2026-11`, `2026`. */
export function periodOf(time: TimeNs, unit: CalendarUnit): string {
  const date = dateOfTime(time);
  if (unit === 'week') return isoWeek(date);
  return date.toISOString().slice(0, lengths[unit]);
}

const lengths = { day: 10, month: 7, year: 4 } as const;

/** A week belongs to the year that its Thursday lies in. */
function isoWeek(date: Date): string {
  const midnight = Math.floor(date.getTime() / dayMs) * dayMs;
  const thursday = new Date(midnight + (4 - (date.getUTCDay() || 7)) * dayMs);
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * dayMs)) + 1;
  return `${year}-W${String(week).padStart(2, '0')}`;
}

/** A length of time as a policy has it: `14d`, `36h`, `1d12h30m`. */
export function lengthText(ms: number): string {
  let left = Math.round(ms / 1000);
  if (left % 3600 === 0 && left % 86_400 !== 0 && left < 4 * 86_400) return `${left / 3600}h`;
  const parts: string[] = [];
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / seconds);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * seconds;
  }
  return parts.length === 0 ? '0' : parts.join('');
}
