import type { LogFields, Logger } from '../src/platform/logger.ts';

/** One call of a logger. */
export interface LogRecord {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly records: readonly LogRecord[] } {
  const records: LogRecord[] = [];
  const keep =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}): void => {
      records.push({ level, message, fields });
    };
  return { records, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
}
