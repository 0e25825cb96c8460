/** Marks on an axis of time. */

/** A mark. */
export interface Tick {
  readonly at: Date;
  /** `11-21`, `09:00`, `2026-11`: whatever tells it from its neighbours. */
  readonly text: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const steps = [1 / 60, 1 / 12, 1 / 4, 1, 3, 6, 12, 24, 48, 168, 336, 720, 2160, 8760].map((hours) => hours * hourMs);
const mostTicks = 8;

/** At most eight marks at round times in UTC. */
export function ticksBetween(from: Date, to: Date): readonly Tick[] {
  const span = to.getTime() - from.getTime();
  const longest = steps.at(-1) ?? span;
  const step = steps.find((one) => span / one <= mostTicks) ?? Math.ceil(span / mostTicks / longest) * longest;
  const ticks: Tick[] = [];
  for (let at = Math.ceil(from.getTime() / step) * step; at <= to.getTime(); at += step) {
    ticks.push({ at: new Date(at), text: textOf(new Date(at), step) });
  }
  return ticks;
}

function textOf(at: Date, step: number): string {
  const text = at.toISOString();
  if (step >= 90 * dayMs) return text.slice(0, 7);
  if (step >= dayMs || at.getTime() % dayMs === 0) return text.slice(5, 10);
  return text.slice(11, 16);
}
