/** The log, passed in wherever something is worth telling. Its writers are in `log-writer.ts`. */

/** Values that go beside a message. Sizes in bytes, durations in milliseconds, named so. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** A log of events. The message is static text, what varies goes in the fields. */
export interface Logger {
  /** Each object, each decision: for whoever looks for a fault. */
  debug(message: string, fields?: LogFields): void;
  /** Start and end of a command, each durable step. */
  info(message: string, fields?: LogFields): void;
  /** An operator should act. */
  warn(message: string, fields?: LogFields): void;
  /** The run failed; once, from `main.ts`. */
  error(message: string, fields?: LogFields): void;
}

/** A logger that says nothing. */
export const silentLogger: Logger = { debug: noop, info: noop, warn: noop, error: noop };

function noop(): void {
  // nothing to tell
}
