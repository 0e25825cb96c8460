import fc from 'fast-check';
import { describe, it } from 'vitest';
import { anyPolicy, checkPolicy } from '../../../../testtools/retention/check-policy.ts';
import { anyPast, madePast } from '../../../../testtools/retention/made-archive.ts';

describe('any policy on any archive', () => {
  it('keeps what it promises, again and again, in whatever order the archive is listed', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(anyPast, anyPolicy, fc.infiniteStream(fc.nat()), (past, policy, order) => {
        checkPolicy(madePast(past), policy, order);
      }),
      { numRuns: 400 },
    );
  });
});
