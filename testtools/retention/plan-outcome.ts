/** What comes of planning a deletion. */
import { ArchiverError } from '../../src/errors.ts';
import { objectsOf, type DeletionPlan } from '../../src/catalog/retention/deletion-plan.ts';

/** What became of a case. */
export type Verdict = 'planned' | 'nothing to do' | 'refused' | 'no rule';

/** The plan, or why there is none. */
export function planOrRefusal(plan: () => DeletionPlan): DeletionPlan | ArchiverError {
  try {
    return plan();
  } catch (error) {
    if (error instanceof ArchiverError && error.kind !== 'unexpected') return error;
    throw error;
  }
}

/** What goes: `storage key`. */
export function keysOf({ removals }: DeletionPlan): string[] {
  return removals.flatMap((removal) => [...objectsOf(removal)].map(({ key }) => `${removal.storageName} ${key}`));
}
