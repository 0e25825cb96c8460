/**
 * Random campaigns of deltas: `make soak DELTAS="50"` makes 50 deltas of random clusters over the installed majors and all
 * sources of changes; `SEED=…` begins with that seed, `MAJOR=…` takes one major. Ends with a status of 1 when one of them
 * differs from what it should be.
 */
import { runDeltaCampaign, type CampaignReport, type ChangeSource } from '../delta-campaign/campaign.ts';
import { testedMajors } from '../postgres/installations.ts';

const rounds = Number(process.argv[2] ?? 50);
const firstSeed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));
const majors = testedMajors().filter((major) =>
  (process.env['MAJOR'] ?? '15 17 18').split(' ').includes(String(major)),
);
const deltasEach = 5;
if (majors.length === 0)
  throw new Error('none of PostgreSQL 15, 17 and 18 is installed: node testtools/postgres/install.ts');

let done = 0;
let problems = 0;
const began = performance.now();
for (let run = 0; done < rounds; run += 1) {
  const major = majors[run % majors.length] ?? 0;
  const sources: readonly ChangeSource[] = major >= 17 ? ['scan', 'summaries', 'wal'] : ['scan', 'wal'];
  const deltas = Math.min(deltasEach, rounds - done);
  const report = await runDeltaCampaign({
    seed: firstSeed + run,
    major,
    deltas,
    source: sources[((major >= 17 ? run : 0) + Math.floor(run / majors.length)) % sources.length] ?? 'scan',
    checksums: run % 4 !== 3,
    examineEvery: 2,
    log: (line) => {
      console.log(line);
    },
  }).catch((error: unknown): CampaignReport => {
    const problem = `seed ${firstSeed + run}, PostgreSQL ${major}: ${error instanceof Error ? error.message : String(error)}`;
    return { problems: [problem], deltas, increments: 0, sources: [] };
  });
  for (const problem of report.problems) console.log(`  ${problem}`);
  console.log(`  ${report.increments} increments; ${report.sources.join('; ')}`);
  done += report.deltas;
  problems += report.problems.length;
}
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(`seeds from ${firstSeed}: ${done} deltas, ${problems} problems, ${seconds} s`);
process.exitCode = problems === 0 ? 0 : 1;
