import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyRule } from '../../../../testtools/retention/any-rule.ts';
import { checkMysqlPast } from '../../../../testtools/retention/check-mysql-plan.ts';
import { anyMysqlPast } from '../../../../testtools/retention/mysql-past.ts';

it('after any plan each backup that stays has its chain and its binlogs', { timeout: 120_000 }, () => {
  const verdicts = new Map<string, number>();
  fc.assert(
    fc.property(anyMysqlPast, anyRule, (past, wish) => {
      const verdict = checkMysqlPast(past, wish);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }),
    { numRuns: 200, interruptAfterTimeLimit: 20_000 },
  );
  expect(verdicts.get('planned')).toBeGreaterThan(0);
});
