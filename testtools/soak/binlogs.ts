/**
 * Random campaigns of binlogs: `make soak BINLOGS=20` restores 20 random states of servers that change at random, by GTID,
 * position and instant; `SEED=…` begins with that seed. Ends with a status of 1 when one of them differs from what it was.
 */
import { messageOf } from '../../src/errors.ts';
import { runBinlogCampaign, type BinlogCampaignReport } from '../binlog-campaign/campaign.ts';

const wanted = Number(process.argv[2] ?? 20);
const firstSeed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));
const targetsEach = 10;

let done = 0;
let problems = 0;
const began = performance.now();
for (let run = 0; done < wanted; run += 1) {
  const seed = firstSeed + run;
  const targets = Math.min(targetsEach, wanted - done);
  const report = await runBinlogCampaign({
    ...{ seed, targets, steps: 80, backups: 2, withCrashes: true, archiving: run % 2 === 0 ? 'push' : 'follow' },
    log: (line) => {
      console.log(line);
    },
  }).catch((error: unknown): BinlogCampaignReport => {
    const problem = `seed ${seed}: ${error instanceof Error ? `${error.message}\n${messageOf(error.cause)}` : messageOf(error)}`;
    return { problems: [problem], restored: targets, binlogs: 0 };
  });
  for (const problem of report.problems) console.log(`  ${problem}`);
  done += report.restored;
  problems += report.problems.length;
}
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(`seeds from ${firstSeed}: ${done} restores, ${problems} problems, ${seconds} s`);
process.exitCode = problems === 0 ? 0 : 1;
