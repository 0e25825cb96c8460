import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { parseInstant } from '../../../../src/postgres/recovery/instant.ts';
import { chooseBackup, type ChosenBackup } from '../../../../src/postgres/recovery/prepare.ts';
import { parseRecoveryRequest, type TargetTexts } from '../../../../src/postgres/recovery/target.ts';
import { timedStorage, type TimedStorage } from '../../../../testtools/catalogue.ts';
import { readObject } from '../../../../testtools/fixture.ts';

const early = 'base_000000010000000000000007';
const late = 'base_000000010000000000000008';

/** Two backups that tell no time, around real WAL: transactions end from 03:31:55 to 03:32:00. */
async function archive(): Promise<TimedStorage> {
  const storage = timedStorage();
  const put = (name: string, start: string, finish: string, stored: string) =>
    storage.put(
      `basebackups_005/${name}_backup_stop_sentinel.json`,
      JSON.stringify({ LSN: Number(parseLsn(start)), FinishLSN: Number(parseLsn(finish)), PgVersion: 150_000 }),
      parseInstant(stored),
    );
  await put(early, '0/7000028', '0/7000100', '2026-11-21 03:31:50Z');
  await put(late, '0/8000028', '0/8000100', '2026-11-21 03:31:59Z');
  for (const name of ['000000010000000000000007', '000000010000000000000008']) {
    const key = `wal_005/${name}.lz4`;
    await storage.write(key, fromBytes(readObject('pg15-lz4-delta', key)));
  }
  return storage;
}

async function choose(texts: TargetTexts, more: { name?: string; unchecked?: boolean } = {}): Promise<ChosenBackup> {
  const transport = { storage: await archive(), codec: await openCodec('lz4'), crypter: undefined };
  const signal = new AbortController().signal;
  const { name, unchecked = false } = more;
  return chooseBackup(
    { transport, clock: systemClock, logger: silentLogger, signal, segmentBytes: 16 << 20, usesPartial: true },
    {
      selector: name === undefined ? undefined : { by: 'name', name },
      request: parseRecoveryRequest(texts),
      unchecked,
    },
  );
}

describe('chooseBackup', () => {
  it('takes a backup that tells no time to have ended when its sentinel was stored', async () => {
    expect((await choose({ time: '2026-11-21 03:31:58Z' })).backup).toBe(early);
    expect((await choose({ time: '2026-11-21 03:32:00Z' })).backup).toBe(late);
    await expect(choose({ time: '2026-11-21 03:31:49Z' })).rejects.toThrow(/every backup ends after it/);
  });

  it('takes the backup that is named, unchecked, when it is told to', async () => {
    const beyond = { lsn: 'FF/0' };
    await expect(choose(beyond, { name: late })).rejects.toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--skip-target-check') as string }) as Error,
    );
    expect(await choose(beyond, { name: late, unchecked: true })).toMatchObject({
      backup: late,
      request: { target: { kind: 'lsn', lsn: parseLsn('FF/0') } },
    });
    await expect(choose(beyond, { unchecked: true })).rejects.toMatchObject({ kind: 'usage' });
  });
});
