import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyRule } from '../../../../testtools/retention/any-rule.ts';
import { checkPast } from '../../../../testtools/retention/check-plan.ts';
import { anyPast } from '../../../../testtools/retention/made-archive.ts';

it(
  'after any plan each backup that stays has its chain and its WAL, at every moment',
  { timeout: 120_000 },
  async () => {
    const verdicts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(anyPast, anyRule, async (past, wish) => {
        const verdict = await checkPast(past, wish);
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      }),
      { numRuns: 500, interruptAfterTimeLimit: 20_000, endOnFailure: false },
    );
    expect(verdicts.get('planned')).toBeGreaterThan(0);
  },
);
