/** Opens the log that the settings ask for. */
import { openSync, writeSync } from 'node:fs';
import { logSettings } from '../config/log-settings.ts';
import { readSettings, type RawSettings } from '../config/setting.ts';
import { ArchiverError, codeOf, messageOf } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import { createLogger, type LogFormat, type LogLevel } from '../platform/log-writer.ts';
import type { Logger } from '../platform/logger.ts';

/** The log of a run. */
export interface Log {
  readonly logger: Logger;
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** It goes to standard error. */
  readonly toStandardError: boolean;
}

const standardError = 2;

/** The log before the settings are known, and when they are wrong. */
export function firstLog(clock: Clock): Log {
  const logger = createLogger({ level: 'NORMAL', format: 'text', clock, write: writerTo(standardError) });
  return { logger, level: 'NORMAL', format: 'text', toStandardError: true };
}

/** @throws ArchiverError (`config`) when a setting is invalid or the file cannot be opened */
export function openLog(raw: RawSettings, clock: Clock): Log {
  const { level, format, destination = 'stderr' } = readSettings(logSettings, raw);
  const toStandardError = destination === 'stderr';
  const write = writerTo(toStandardError ? standardError : openFile(destination));
  return { logger: createLogger({ level, format, clock, write }), level, format, toStandardError };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'a', 0o644);
  } catch (cause) {
    throw new ArchiverError('config', `cannot open the log file "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Set WALG_LOG_DESTINATION to a file that this user can append to, or remove it.',
    });
  }
}

/**
 * Writes synchronously, so that no line is lost however the process ends, and without the cost of opening
 * `process.stderr` as a stream. A log that cannot be written must not end a backup.
 */
function writerTo(descriptor: number): (line: string) => void {
  return (line) => {
    let rest = Buffer.from(line);
    for (let patience = 5_000; rest.length > 0 && patience > 0;) {
      try {
        rest = rest.subarray(writeSync(descriptor, rest));
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') return;
        // A pipe that someone made non-blocking is full.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        patience -= 1;
      }
    }
  };
}
