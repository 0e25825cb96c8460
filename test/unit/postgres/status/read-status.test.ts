import { describe, expect, it } from 'vitest';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { problemsOf } from '../../../../src/postgres/status/problems.ts';
import { readStatus } from '../../../../src/postgres/status/read-status.ts';
import { catalogueFixtures, openListedFixture } from '../../../../testtools/catalogue.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

/** The status of an archive of WAL-G, without a server. */
async function statusOf(fixture: string, settings: Readonly<Record<string, string>> = {}) {
  const storage = await openListedFixture(fixture);
  return readStatus({
    transport: { storage, codec: noneCodec, crypter: undefined },
    settings: rawSettings(settings),
    storageOnly: true,
    logger: recordingLogger(),
    clock: systemClock,
    signal: new AbortController().signal,
  });
}

describe('readStatus of archives that WAL-G wrote', () => {
  it.each(catalogueFixtures)('finds %s in order, whatever the size of its segments', async (fixture) => {
    const status = await statusOf(fixture);
    expect(problemsOf(status)).toEqual([]);
    expect(status.recovery).toMatchObject({ gaps: [], unusable: [] });
    expect(status.current?.backups.length).toBeGreaterThan(0);
    expect(status.policy).toBeUndefined();
  });

  it('goes by the newest timeline', async () => {
    const { current, branches, recovery } = await statusOf('pg15-lz4-delta');
    expect(recovery.windows.map(({ timeline, isBroken }) => [timeline, isBroken])).toEqual([
      [1, false],
      [2, false],
    ]);
    expect(current?.timeline).toBe(2);
    expect(branches).toMatchObject([{ timeline: 2, parent: 1 }]);
  });

  it('plans by the policy that is configured', async () => {
    const { policy } = await statusOf('pg15-lz4-delta', { WALG_RETENTION_KEEP_LAST: '1' });
    expect(policy).toMatchObject({ lines: [{ rule: 'keep last 1' }, {}, {}], going: [] });
  });
});
