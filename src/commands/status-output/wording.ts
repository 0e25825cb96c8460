/** Times and amounts of a status as people read them. */
import type { Amount } from '../../catalog/status/archive-size.ts';
import { formatBytes } from '../../doctor/format.ts';

/** `2026-11-21 09:05:00 UTC`. */
export function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `40 s`, `5 min`, `3 h`, `12 days`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** `3 h ago`. */
export function agoText(time: Date, now: Date): string {
  return `${spanText(now.getTime() - time.getTime())} ago`;
}

/** `1 backup`, `2 backups`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `1.2 GB in 3 objects`. */
export function amountText({ objects, bytes }: Amount): string {
  return `${formatBytes(bytes)} in ${countText(objects, 'object')}`;
}
