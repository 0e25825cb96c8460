/**
 * The errors of the whole program: one base class, whose `kind` says what the caller can do about it and which exit
 * status the process ends with. Concrete classes carry data and live beside what throws them.
 */

/** What went wrong, from the point of view of whoever must act on it. */
export type ErrorKind =
  | 'unexpected'
  | 'usage'
  | 'corrupt'
  | 'missing'
  | 'unavailable'
  | 'cannotWrite'
  | 'archiveMissing'
  | 'busy'
  | 'forbidden'
  | 'config'
  | 'interrupted';

const exitStatuses: Readonly<Record<ErrorKind, number>> = {
  unexpected: 1,
  usage: 64,
  corrupt: 65,
  missing: 66,
  unavailable: 69,
  cannotWrite: 73,
  archiveMissing: 74,
  busy: 75,
  forbidden: 77,
  config: 78,
  interrupted: 1,
};

/** Exit status of a process that ends with an error of this kind, 1 … 78 (after sysexits.h, and WAL-G's 74). */
export function exitStatusOf(kind: ErrorKind): number {
  return exitStatuses[kind];
}

/** Options of {@link ArchiverError}. `hint` is a whole sentence that says what to do. */
export interface ArchiverErrorOptions {
  readonly cause?: unknown;
  readonly hint?: string | undefined;
}

/**
 * Base of every error that the program expects.
 *
 * `message` is lower case, without a full stop, with names in double quotes, and holds no credentials.
 */
export class ArchiverError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, options: ArchiverErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.kind = kind;
    this.hint = options.hint;
  }
}

/** Bytes are not what they must be: truncated, failing a checksum, malformed. */
export class CorruptError extends ArchiverError {
  constructor(message: string, options: ArchiverErrorOptions = {}) {
    super('corrupt', message, options);
  }
}

/** The run was asked to stop, by a signal or by its caller. */
export class InterruptedError extends ArchiverError {
  constructor(message = 'interrupted', options: ArchiverErrorOptions = {}) {
    super('interrupted', message, options);
  }
}

/** The message of whatever was thrown, for the text of another error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Names for a message. */
export function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

/** The `code` of a system error (`ENOENT`, `ECONNRESET`, …), if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
