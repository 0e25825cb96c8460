import { describe, expect, it } from 'vitest';
import { runDeltaCampaign } from '../../testtools/delta-campaign/campaign.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';

const major = testedMajors().findLast((one) => one >= 17) ?? testedMajors().at(-1);
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));

// More of it, on several majors: make soak DELTAS=50.
describe.skipIf(major === undefined)(`deltas of a cluster that changes at random (SEED=${seed})`, () => {
  it.each([
    { source: 'scan', checksums: true, deltas: 2 },
    { source: major !== undefined && major >= 17 ? 'summaries' : 'wal', checksums: true, deltas: 1 },
  ] as const)('are the same as the cluster, by $source', async ({ source, checksums, deltas }) => {
    const log: string[] = [];
    const report = await runDeltaCampaign({
      ...{ seed, major: major ?? 0, deltas, source, checksums, examineEvery: deltas },
      log: (line) => log.push(line),
    });
    expect(report.problems, log.join('\n')).toEqual([]);
    expect(report.increments).toBeGreaterThan(0);
    if (source !== 'scan') expect(report.sources.join()).toContain('in the WAL');
  });
});
