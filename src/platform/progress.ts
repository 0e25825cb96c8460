/** Tells a person how far a long transfer is: one redrawn line on a terminal, a log line now and then elsewhere. */
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { erasure, redrawn } from './status-line.ts';

/** A running transfer. */
export interface Progress {
  /** Bytes done so far in all; cheap, may be called for every chunk. */
  update(doneBytes: number): void;
  /** Wipes the line. Call it however the transfer ended. */
  finish(): void;
}

/** How progress is shown. */
export interface ProgressOptions {
  /** A terminal is watching `stream`. */
  readonly interactive: boolean;
  /** The stream of the terminal; only written to when interactive. */
  readonly stream: { write(text: string): unknown; readonly columns?: number };
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Undefined when nobody knows. */
  readonly totalBytes: number | undefined;
  /** What is being done: `pushing backup`. */
  readonly label: string;
}

const redrawMs = 200;
const logMs = 30_000;

/** Begins to show a transfer. */
export function openProgress(options: ProgressOptions): Progress {
  const { interactive, stream, logger, clock, totalBytes, label } = options;
  const started = clock.monotonicMs();
  let next = started + (interactive ? redrawMs : logMs);

  return {
    update(doneBytes) {
      const now = clock.monotonicMs();
      if (now < next) return;
      next = now + (interactive ? redrawMs : logMs);
      const state = progressState({ doneBytes, totalBytes, elapsedMs: now - started });
      if (interactive) {
        const width = (stream.columns ?? 80) - 1;
        stream.write(redrawn(progressText(label, state).slice(0, Math.max(width, 20))));
      } else {
        const { bytesPerSecond, percent, remainingMs } = state;
        logger.info(label, {
          bytes: doneBytes,
          totalBytes,
          bytesPerSecond: Math.round(bytesPerSecond),
          percent,
          remainingMs: remainingMs === undefined ? undefined : Math.round(remainingMs),
        });
      }
    },
    finish() {
      const text = erasure();
      if (interactive && text !== '') stream.write(text);
    },
  };
}

/** Where a transfer stands. */
export interface ProgressState {
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
  readonly bytesPerSecond: number;
  /** 0 … 100, rounded down. */
  readonly percent: number | undefined;
  readonly remainingMs: number | undefined;
}

/** Rate, share and time left, of what was done in the time so far. */
export function progressState(given: {
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
  readonly elapsedMs: number;
}): ProgressState {
  const { doneBytes, totalBytes, elapsedMs } = given;
  const bytesPerSecond = elapsedMs > 0 ? (doneBytes * 1000) / elapsedMs : 0;
  // Files grow while they are read: never more than all of it.
  const percent =
    totalBytes === undefined || totalBytes === 0
      ? undefined
      : Math.min(100, Math.floor((doneBytes * 100) / totalBytes));
  const remainingMs =
    totalBytes === undefined || bytesPerSecond === 0
      ? undefined
      : (Math.max(0, totalBytes - doneBytes) * 1000) / bytesPerSecond;
  return { doneBytes, totalBytes, bytesPerSecond, percent, remainingMs };
}

/** `pushing backup  1.2 GiB of 4.0 GiB  30 %  512.0 MiB/s  0:05 left`. */
export function progressText(label: string, state: ProgressState): string {
  const { doneBytes, totalBytes, bytesPerSecond, percent, remainingMs } = state;
  const parts = [label, totalBytes === undefined ? size(doneBytes) : `${size(doneBytes)} of ${size(totalBytes)}`];
  if (percent !== undefined) parts.push(`${percent} %`);
  parts.push(`${size(bytesPerSecond)}/s`);
  if (remainingMs !== undefined) parts.push(`${minutes(remainingMs)} left`);
  return parts.join('  ');
}

function size(bytes: number): string {
  let [value, unit] = [bytes, 'B'];
  for (const larger of ['KiB', 'MiB', 'GiB', 'TiB']) {
    if (value < 1024) break;
    [value, unit] = [value / 1024, larger];
  }
  return `${unit === 'B' ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

function minutes(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [hours, rest] = [Math.floor(seconds / 3600), seconds % 3600];
  const tail = `${String(Math.floor(rest / 60)).padStart(hours > 0 ? 2 : 1, '0')}:${String(rest % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}
