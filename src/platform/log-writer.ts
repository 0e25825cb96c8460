/**
 * Writes log lines: WAL-G's form (`INFO: 2026/11/21 03:04:58.378643 text key=value`, local time) or one JSON object a
 * line. Format: `config.md` 3 of the specification.
 */
import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';
import { erasure } from './status-line.ts';

/** Least level that is written: WAL-G's words. `NORMAL` leaves out debug lines, `ERROR` everything but errors. */
export type LogLevel = 'NORMAL' | 'DEVEL' | 'ERROR';

/** Form of the lines. */
export type LogFormat = 'text' | 'json';

/** What a log needs. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Pick<Clock, 'now'>;
  /** Takes whole lines with their line end; must not throw. */
  readonly write: (line: string) => void;
}

type Severity = 'debug' | 'info' | 'warn' | 'error';

const labels: Readonly<Record<Severity, string>> = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' };

const written: Readonly<Record<LogLevel, readonly Severity[]>> = {
  DEVEL: ['debug', 'info', 'warn', 'error'],
  NORMAL: ['info', 'warn', 'error'],
  ERROR: ['error'],
};

/** A logger that formats lines and hands them on. */
export function createLogger({ level, format, clock, write }: LogOptions): Logger {
  const line = format === 'json' ? jsonLine : textLine;
  const log = (severity: Severity) =>
    written[level].includes(severity)
      ? (message: string, fields?: LogFields) => {
          write(`${erasure()}${line(severity, clock.now(), message, fields ?? {})}\n`);
        }
      : () => undefined;
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

function textLine(severity: Severity, now: Date, message: string, fields: LogFields): string {
  let line = `${labels[severity]}: ${timestamp(now)} ${message}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${fieldText(value)}`;
  }
  return line;
}

function fieldText(value: string | number | bigint | boolean): string {
  const text = String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}

function timestamp(at: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  const second = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  // WAL-G prints microseconds; a Date knows milliseconds.
  return `${day} ${second}.${String(at.getMilliseconds()).padStart(3, '0')}000`;
}

function jsonLine(severity: Severity, now: Date, message: string, fields: LogFields): string {
  const members = [
    ['time', JSON.stringify(now.toISOString())],
    ['level', JSON.stringify(severity)],
    ['message', JSON.stringify(message)],
    ...Object.entries(fields)
      .filter(([name, value]) => value !== undefined && !['time', 'level', 'message'].includes(name))
      // A bigint is written as the number it is: readers that care parse it exactly.
      .map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : JSON.stringify(value)]),
  ];
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value ?? 'null'}`).join(',')}}`;
}
