/** Rules of deletions, for archives that tests made up. */
import fc from 'fast-check';
import { EmptyPolicyError, type PolicyOutcome, type RetentionPolicy } from '../../src/catalog/retention/policy.ts';
import type { DeletionRule } from '../../src/catalog/retention/rule.ts';

/** What is asked for, of whatever archive there is. */
export type RuleWish =
  | {
      readonly kind: 'retain';
      readonly count: number;
      readonly modifier: 'full' | 'find full' | undefined;
      readonly after: number | undefined;
    }
  | { readonly kind: 'before'; readonly place: number; readonly byTime: boolean; readonly findFull: boolean }
  | { readonly kind: 'target'; readonly place: number; readonly findFull: boolean }
  | { readonly kind: 'everything'; readonly force: boolean }
  | { readonly kind: 'garbage'; readonly part: 'all' | 'archives' | 'backups'; readonly withoutBackupCheck: boolean }
  | { readonly kind: 'policy'; readonly policy: RetentionPolicy };

const few = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const place = fc.nat({ max: 9 });

/** Any rule. */
export const anyRule: fc.Arbitrary<RuleWish> = fc.oneof(
  fc.record({
    kind: fc.constant('retain' as const),
    count: fc.integer({ min: 1, max: 5 }),
    modifier: fc.constantFrom(undefined, 'full' as const, 'find full' as const),
    after: fc.option(place, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('before' as const), place, byTime: fc.boolean(), findFull: fc.boolean() }),
  fc.record({ kind: fc.constant('target' as const), place, findFull: fc.boolean() }),
  fc.record({ kind: fc.constant('everything' as const), force: fc.boolean() }),
  fc.record({
    kind: fc.constant('garbage' as const),
    part: fc.constantFrom('all' as const, 'archives' as const, 'backups' as const),
    withoutBackupCheck: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('policy' as const),
    policy: fc.record({
      keepLast: few,
      keepDaily: few,
      keepWeekly: few,
      keepMonthly: few,
      pitrWindowMs: fc.option(fc.integer({ min: 0, max: 200 * 3_600_000 }), { nil: undefined }),
    }),
  }),
);

/** What of an archive a rule is about. */
export interface RuledArchive {
  readonly inventories: readonly {
    readonly backups: readonly { readonly name: string; readonly started: bigint | undefined }[];
  }[];
  /** Oldest first. */
  readonly backups: readonly { readonly name: string }[];
}

/** The rule for this archive; undefined when there is nothing that it could name. */
export function ruleOf(
  wish: RuleWish,
  { inventories, backups }: RuledArchive,
  applied: (policy: RetentionPolicy) => PolicyOutcome,
): DeletionRule | undefined {
  const named = (at: number) => backups.at(-1 - at);
  switch (wish.kind) {
    case 'retain': {
      const after = wish.after === undefined ? undefined : named(wish.after);
      return { ...wish, after: after === undefined ? undefined : { by: 'name', name: after.name } };
    }
    case 'before': {
      const backup = named(wish.place);
      if (backup === undefined) return undefined;
      const known = inventories.flatMap((one) => one.backups).find(({ name }) => name === backup.name);
      const { findFull } = wish;
      if (!wish.byTime) return { kind: 'before', point: { by: 'name', name: backup.name }, findFull };
      return { kind: 'before', point: { by: 'time', time: known?.started ?? 0n }, findFull };
    }
    case 'target': {
      const backup = named(wish.place);
      if (backup === undefined) return undefined;
      return { kind: 'target', selector: { by: 'name', name: backup.name }, findFull: wish.findFull };
    }
    case 'everything':
    case 'garbage':
      return wish;
    case 'policy':
      try {
        return { kind: 'policy', outcome: applied(wish.policy) };
      } catch (error) {
        if (error instanceof EmptyPolicyError) return undefined;
        throw error;
      }
  }
}
