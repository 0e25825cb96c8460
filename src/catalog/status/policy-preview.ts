/** What the configured retention policy would delete. */
import { ArchiverError } from '../../errors.ts';
import type { PolicyLine } from '../retention/policy.ts';
import type { Amount } from './archive-size.ts';

/** What a policy would do now. */
export interface PolicyPreview {
  readonly lines: readonly PolicyLine[];
  /** Names, oldest first. */
  readonly going: readonly string[];
  readonly deletes: Amount;
  /** WAL segments, or binlogs. */
  readonly logs: number;
}

/** A policy of which nobody can tell what it would do. */
export interface UnplannedPolicy {
  readonly reason: string;
  readonly hint: string | undefined;
}

/** Plans what `delete policy` would. Where it would be refused, the refusal is what comes of it. */
export function previewed(plan: () => PolicyPreview): PolicyPreview | UnplannedPolicy {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof ArchiverError)) throw error;
    return { reason: error.message, hint: error.hint };
  }
}
