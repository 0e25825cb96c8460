/** What the main thread and its worker threads say to each other: plain data that survives a structured clone. */
import { ArchiverError, messageOf, type ErrorKind } from '../errors.ts';
import type { LogFields } from '../platform/logger.ts';

/** A unit of work: its `kind` chooses the function, the rest is for that function. Plain data only. */
export interface WorkerJob {
  readonly kind: string;
}

/** A rate limiter of the main thread, for workers to share. */
export interface SharedRateLimit {
  readonly bytesPerSecond: number;
  readonly shared: SharedArrayBuffer;
}

/** What a worker knows from its start. */
export interface WorkerStart {
  /** Settings as environment variables (`RawSettings.toEnvironment`). */
  readonly environment: Readonly<Record<string, string>>;
  readonly networkLimit: SharedRateLimit | undefined;
  readonly diskLimit: SharedRateLimit | undefined;
  /** One BigInt64: bytes done by all workers together. */
  readonly doneBytes: SharedArrayBuffer;
  /** One Int32: not 0 as soon as the work is called off; seen even by a loop that never turns the event loop. */
  readonly calledOff: SharedArrayBuffer;
}

/** From the main thread. */
export type ToWorker =
  | { readonly type: 'job'; readonly id: number; readonly job: WorkerJob }
  | { readonly type: 'abort'; readonly reason: ErrorReport }
  | { readonly type: 'close' };

/** From a worker. */
export type FromWorker =
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: ErrorReport }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields | undefined;
    };

/** An error as data. */
export interface ErrorReport {
  /** Undefined: nothing that the program expects. */
  readonly kind: ErrorKind | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
  readonly cause: ErrorReport | undefined;
}

const deepestCause = 5;

/** Makes data of whatever was thrown; its causes come along. */
export function reportError(error: unknown, depth = 0): ErrorReport {
  const cause = error instanceof Error && error.cause !== undefined && depth < deepestCause ? error.cause : undefined;
  return {
    kind: error instanceof ArchiverError ? error.kind : undefined,
    message: messageOf(error),
    hint: error instanceof ArchiverError ? error.hint : undefined,
    stack: error instanceof Error ? error.stack : undefined,
    cause: cause === undefined ? undefined : reportError(cause, depth + 1),
  };
}

/** An error with the kind, message, hint, stack and causes that were reported; subclasses become their base. */
export function reportedError(report: ErrorReport): Error {
  const cause = report.cause === undefined ? undefined : reportedError(report.cause);
  const error =
    report.kind === undefined
      ? new Error(report.message, { cause })
      : new ArchiverError(report.kind, report.message, { cause, hint: report.hint });
  if (report.stack !== undefined) error.stack = report.stack;
  return error;
}
