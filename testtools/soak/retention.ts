/**
 * Deletions planned in random archives of Postgres and of MySQL, and as many policies applied: `make soak RETENTION=10000`; `SEED=…` takes that seed.
 * Ends with a status of 1 and the smallest case that was found when a promise is broken.
 */
import fc from 'fast-check';
import { anyRule } from '../retention/any-rule.ts';
import { checkPast } from '../retention/check-plan.ts';
import { anyPolicy, checkPolicy } from '../retention/check-policy.ts';
import { checkMysqlPast } from '../retention/check-mysql-plan.ts';
import { anyPast, madePast } from '../retention/made-archive.ts';
import { anyMysqlPast } from '../retention/mysql-past.ts';

const numRuns = Number(process.argv[2] ?? 10_000);
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));
const began = performance.now();
const verdicts = new Map<string, number>();

await fc.assert(
  fc.asyncProperty(anyPast, anyRule, async (past, wish) => {
    const verdict = `${wish.kind}: ${await checkPast(past, wish)}`;
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }),
  { numRuns, seed },
);
fc.assert(
  fc.property(anyMysqlPast, anyRule, (past, wish) => {
    const verdict = `mysql ${wish.kind}: ${checkMysqlPast(past, wish)}`;
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }),
  { numRuns, seed },
);
for (const [verdict, cases] of [...verdicts].sort()) console.log(`  ${verdict}: ${cases}`);
fc.assert(
  fc.property(anyPast, anyPolicy, fc.infiniteStream(fc.nat()), (past, policy, order) => {
    checkPolicy(madePast(past), policy, order);
  }),
  { numRuns, seed },
);
console.log(`${numRuns} deletions and policies, seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
