/** A server of any database that does not answer. Pure. */
import type { Problem } from './problem.ts';

/** The server was asked, and did not answer. */
export function serverUnreachable({
  reason,
  hint,
}: {
  readonly reason: string;
  readonly hint?: string | undefined;
}): Problem {
  return {
    severity: 'warning',
    name: 'server_unreachable',
    text: `the server could not be asked: ${reason}`,
    hint: hint ?? 'See doctor, or give --storage-only.',
    kind: 'unavailable',
  };
}
