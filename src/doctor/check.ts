/** What the doctor finds out, one check at a time. */
import { ArchiverError, messageOf, type ErrorKind } from '../errors.ts';

/** What a check is about. */
export type Area = 'settings' | 'encryption' | 'storage' | 'database' | 'archiving';

/** `warn`: it works, and may hurt some day. `skip`: it was not looked at, the text says why. */
export type Outcome = 'ok' | 'warn' | 'fail' | 'skip';

/** One thing that was looked at. */
export interface Check {
  readonly area: Area;
  /** Which storage, where there are several. */
  readonly storage?: string;
  /** Stable, for programs: `create_only`. */
  readonly name: string;
  readonly outcome: Outcome;
  /** What was found, in plain words. */
  readonly text: string;
  /** What to do, a full sentence; with `warn` and `fail`. */
  readonly hint?: string | undefined;
  /** Numbers and words that were measured; sizes in bytes, times in milliseconds. */
  readonly figures?: Readonly<Record<string, number | string | boolean | null>>;
  /** Of a failure: which exit status it ends the program with. */
  readonly kind?: ErrorKind;
}

/** What a check comes to, without whose it is. */
export type Finding = Omit<Check, 'area' | 'name'>;

/** It works. */
export function ok(text: string, figures?: Check['figures']): Finding {
  return { outcome: 'ok', text, ...(figures !== undefined && { figures }) };
}

/** It works, and may hurt some day. */
export function warn(text: string, hint: string, figures?: Check['figures']): Finding {
  return { outcome: 'warn', text, hint, ...(figures !== undefined && { figures }) };
}

/** It does not work. @param kind default `config` */
export function fail(text: string, hint: string | undefined, kind: ErrorKind = 'config'): Finding {
  return { outcome: 'fail', text, hint, kind };
}

/** It was not looked at. */
export function skip(text: string): Finding {
  return { outcome: 'skip', text };
}

/** What an error means for a check. */
export function failed(error: unknown): Finding {
  if (error instanceof ArchiverError) return fail(error.message, error.hint, error.kind);
  return fail(messageOf(error), 'This is unexpected: run with WALG_LOG_LEVEL=DEVEL and report it.', 'unexpected');
}

/** How long a check may take, and what ends it before. */
export interface TryOptions {
  readonly signal: AbortSignal;
  readonly limitMs: number;
}

/**
 * Looks at one thing; an error is what the check found.
 *
 * @throws the reason of the signal, when the whole run was called off
 */
export async function tryTo(
  { signal, limitMs }: TryOptions,
  look: (signal: AbortSignal) => Promise<Finding>,
): Promise<Finding> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(
      new ArchiverError('unavailable', `no answer within ${limitMs / 1_000} s`, {
        hint: 'Look at the log above for what was tried, and at network, proxy and firewall.',
      }),
    );
  }, limitMs);
  try {
    return await look(AbortSignal.any([signal, limit.signal]));
  } catch (error) {
    signal.throwIfAborted();
    return failed(error);
  } finally {
    clearTimeout(timer);
  }
}

/** The error that a run with failed checks ends with. */
export function failureOf(checks: readonly Check[]): ArchiverError | undefined {
  const failures = checks.filter(({ outcome }) => outcome === 'fail');
  const [first] = failures;
  if (first === undefined) return undefined;
  const place = first.storage === undefined ? '' : ` "${first.storage}"`;
  const more = failures.length === 1 ? '' : ` (and ${failures.length - 1} more)`;
  return new ArchiverError(
    first.kind ?? 'config',
    `check failed: ${first.area}${place} ${first.name}: ${first.text}${more}`,
    {
      hint: first.hint,
    },
  );
}
