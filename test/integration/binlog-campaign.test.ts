import { describe, expect, it } from 'vitest';
import { runBinlogCampaign } from '../../testtools/binlog-campaign/campaign.ts';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));

// More of it: make soak BINLOGS=20.
describe.skipIf(!hasMariadb)(`a MariaDB that changes at random (SEED=${seed})${whyNoMariadb}`, () => {
  it('is restored to the states noted on the way, by GTID, position and instant', async () => {
    const log: string[] = [];
    const report = await runBinlogCampaign({
      ...{ seed, targets: 4, steps: 24, backups: 1, withCrashes: true, archiving: 'push' },
      log: (line) => log.push(line),
    });
    expect(report.problems, log.join('\n')).toEqual([]);
    expect(report.binlogs).toBeGreaterThan(1);
  });
});
