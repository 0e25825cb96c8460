/** What the commands of `delete` ask of the archive of a database. */
import type { JsonObject, JsonValue } from '../../catalog/json.ts';
import type { DeletionPlan, LogRange } from '../../catalog/retention/deletion-plan.ts';
import type { PolicyOutcome, RetentionPolicy } from '../../catalog/retention/policy.ts';
import type { PlannedRemoval } from '../../catalog/retention/removal-steps.ts';
import type { DeletionRule } from '../../catalog/retention/rule.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { Storage } from '../../storage/storage.ts';

/** How the log of a database is called, for people and in JSON. */
export interface LogWords {
  /** `WAL`, `binlogs`. */
  readonly log: string;
  /** What a backup keeps of it that is not rolled forward. */
  readonly own: string;
  /** What a range is a range of: `WAL of timeline 1`. */
  of(range: LogRange): string;
  /** One file, and several. */
  readonly file: string;
  readonly files: string;
  /** Name of the member of JSON that holds ranges, and before `_kept`. */
  readonly key: string;
  rangeJson(range: LogRange): JsonObject;
}

/** A recovery window, for people and in JSON. */
export interface ToldWindow {
  /** One line, without indentation. */
  readonly text: string;
  readonly json: JsonValue;
}

/** An archive at one moment. */
export interface DeletionArchive {
  readonly words: LogWords;
  /** Those of the plan's removals, in their order. */
  readonly storages: readonly Storage[];
  /** @throws as `planDeletion` of the database */
  plan(rule: DeletionRule, options: { readonly now: TimeNs; readonly byStart: boolean }): DeletionPlan;
  /** @throws EmptyPolicyError */
  applyPolicy(policy: RetentionPolicy, now: TimeNs): PolicyOutcome;
  /** From which moment to which one recovery is possible, when this is gone. */
  windowsWithout(removals: readonly PlannedRemoval[]): readonly ToldWindow[];
  /** What is to be done before anything goes. */
  beforehand?(rule: DeletionRule, plan: DeletionPlan): Promise<void>;
}
