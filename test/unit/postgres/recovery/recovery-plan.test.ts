import { describe, expect, it } from 'vitest';
import { silentLogger, type LogFields } from '../../../../src/platform/logger.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import type { ArchivedWal } from '../../../../src/postgres/recovery/archived-wal.ts';
import { formatInstant, parseInstant } from '../../../../src/postgres/recovery/instant.ts';
import type { Landmark } from '../../../../src/postgres/recovery/landmarks.ts';
import type { RecoverableBackup } from '../../../../src/postgres/recovery/reach.ts';
import { planRecovery } from '../../../../src/postgres/recovery/recovery-plan.ts';
import { parseRecoveryRequest, type TargetTexts } from '../../../../src/postgres/recovery/target.ts';
import { parseTimelineHistory } from '../../../../src/postgres/timeline.ts';
import type { SegmentId } from '../../../../src/postgres/wal-segment.ts';

const segmentBytes = 16 * 1024 * 1024;

/** Minute `minute` of the day on which all of this happens. */
function at(minute: number): string {
  return `2026-11-21 10:${String(minute).padStart(2, '0')}:00+00`;
}

/** A backup that starts and ends in segment `number`, ten minutes for each segment. */
function backup(number: number): RecoverableBackup {
  return {
    name: `base_${number}`,
    timeline: 1,
    startLsn: parseLsn(`0/${number}000028`),
    finishLsn: parseLsn(`0/${number}000100`),
    finishTime: parseInstant(at(number * 10)),
  };
}

function wal(...numbers: readonly number[]): ArchivedWal {
  const keys = new Map(numbers.map((number) => [BigInt(number), `wal_005/${number}`]));
  return { segmentBytes, segments: new Map([[1, keys]]), histories: new Map() };
}

/** Every segment has a transaction that ended five minutes into it, and a restore point `after_<number>` behind that. */
async function* landmarks({ number }: SegmentId): AsyncGenerator<Landmark, void> {
  await Promise.resolve();
  const instant = parseInstant(at(Number(number) * 10 + 5));
  const common = { instant, xid: 700 + Number(number) };
  yield { ...common, kind: 'transaction', lsn: parseLsn(`0/${number}000800`), name: '' };
  yield { ...common, kind: 'restore point', lsn: parseLsn(`0/${number}000900`), name: `after_${number}` };
}

async function chosen(
  texts: TargetTexts,
  facts: { backups?: readonly RecoverableBackup[]; archived?: ArchivedWal; named?: string } = {},
): Promise<string> {
  const { backups = [backup(1), backup(3)], archived = wal(1, 2, 3, 4), named } = facts;
  const request = parseRecoveryRequest(texts);
  if (request === undefined) throw new Error('no request');
  const plan = await planRecovery({ wal: archived, backups, named, landmarks, logger: silentLogger }, request);
  return plan.backup.name;
}

describe('planRecovery', () => {
  it.each<[TargetTexts, string]>([
    [{ time: at(10) }, 'base_1'],
    [{ time: at(29) }, 'base_1'],
    [{ time: at(30) }, 'base_3'],
    [{ time: at(44) }, 'base_3'],
    [{ time: at(45), inclusive: 'false' }, 'base_3'],
    [{ lsn: '0/1000100' }, 'base_1'],
    [{ lsn: '0/30000FF' }, 'base_1'],
    [{ lsn: '0/3000100' }, 'base_3'],
    [{ lsn: '0/4FFFFFF' }, 'base_3'],
    [{ name: 'after_2' }, 'base_1'],
    [{ name: 'after_4' }, 'base_3'],
    [{ xid: '702' }, 'base_1'],
    [{ timeline: 'latest' }, 'base_3'],
    [{ target: 'immediate' }, 'base_3'],
  ])('for %j chooses %s, the newest that ended before', async (texts, name) => {
    expect(await chosen(texts)).toBe(name);
  });

  it.each<[TargetTexts, RegExp]>([
    [{ time: at(9) }, /every backup ends after it/],
    [{ time: at(45) }, /no archived transaction ended after it, the last one at 2026-11-21 10:45:00\+00/],
    [{ time: at(59) }, /no archived transaction ended after it/],
    [{ lsn: '0/10000FF' }, /every backup ends after it/],
    [{ lsn: '0/5000000' }, /WAL ends before it, at 0\/5000000/],
    [{ name: 'never' }, /no such restore point/],
    [{ xid: '999' }, /does not end in the archived WAL/],
    [{ timeline: '2' }, /timeline 2 is not in the archive/],
  ])('refuses %j with the reason', async (texts, reason) => {
    await expect(chosen(texts)).rejects.toMatchObject({
      kind: 'missing',
      message: expect.stringMatching(reason) as string,
    });
  });

  it('tells the window that can be reached', async () => {
    await expect(chosen({ time: at(9) })).rejects.toThrow(
      'reachable: from 2026-11-21 10:10:00+00 (0/1000100, backup "base_1") to 2026-11-21 10:45:00+00 (0/5000000) on timeline 1',
    );
  });

  it('tells one window for each stretch of WAL without a gap, and goes around a gap by the next backup', async () => {
    const archived = wal(1, 3, 4);
    expect(await chosen({ time: at(30) }, { archived })).toBe('base_3');
    await expect(chosen({ time: at(20) }, { archived })).rejects.toThrow(
      /reachable: from .*base_1.* to 2026-11-21 10:15:00\+00 \(0\/2000000\) on timeline 1; from .*base_3.* to .*10:45/,
    );
  });

  it('takes the backup that is named, or refuses', async () => {
    expect(await chosen({ time: at(40) }, { named: 'base_1' })).toBe('base_1');
    await expect(chosen({ time: at(20) }, { named: 'base_3' })).rejects.toThrow(/ends after it.*base_1/);
  });

  it('says of a named backup why it will not do, wherever it lies', async () => {
    const archived = wal(1, 3, 4);
    await expect(chosen({ time: at(20) }, { archived, named: 'base_1' })).rejects.toThrow(
      /no archived transaction ended after it, the last one at 2026-11-21 10:15/,
    );
    await expect(chosen({ time: at(40) }, { archived: wal(3, 4), named: 'base_1' })).rejects.toThrow(
      /backup "base_1": WAL that it needs is not in the archive: "000000010000000000000001"/,
    );
  });

  it('refuses when there is nothing at all', async () => {
    await expect(chosen({ time: at(20) }, { backups: [] })).rejects.toThrow(
      /there is no backup; nothing can be reached/,
    );
  });

  it('takes the newest timeline for the end of a backup, wherever an older one came to', async () => {
    const newer = { ...backup(2), name: 'after_recovery', timeline: 2, finishTime: parseInstant(at(50)) };
    const archived = wal(1, 2, 3, 4);
    const keys = new Map([2, 3].map((number) => [BigInt(number), `wal_005/2-${number}`]));
    const branched = { ...archived, segments: new Map([...archived.segments, [2, keys]]) };
    expect(await chosen({ target: 'immediate' }, { backups: [newer, backup(4)], archived: branched })).toBe(
      'after_recovery',
    );
  });

  describe('when a copy opened a timeline in the archive while the real server went on', () => {
    const histories = new Map([[2, parseTimelineHistory('1\t0/2000500\tno recovery target specified\n', 2)]]);
    const keys = new Map([2, 3].map((number) => [BigInt(number), `wal_005/2-${number}`]));
    const one = wal(1, 2, 3, 4);
    const archived = { ...one, histories, segments: new Map([...one.segments, [2, keys]]) };

    it('warns that a newer backup is not on the way', async () => {
      const warnings: unknown[] = [];
      const request = parseRecoveryRequest({ target: 'end' });
      if (request === undefined) throw new Error('no request');
      const logger = { ...silentLogger, warn: (_: string, fields?: LogFields) => warnings.push(fields?.['backup']) };
      const plan = await planRecovery({ wal: archived, backups: [backup(1), backup(4)], landmarks, logger }, request);
      expect([plan.backup.name, plan.reach.timeline]).toEqual(['base_1', 2]);
      expect(warnings).toEqual(['base_4']);
      expect(await chosen({ timeline: '1' }, { archived, backups: [backup(1), backup(4)] })).toBe('base_4');
    });

    it('names it, and the way out, when the target is beyond what can be reached', async () => {
      const facts = { archived, backups: [backup(1), backup(4)] };
      await expect(chosen({ time: at(44) }, facts)).rejects.toMatchObject({
        message: expect.stringContaining('"base_4" is no help: its timeline 1 does not lead to timeline 2') as string,
        hint: expect.stringContaining('another timeline with --target-timeline') as string,
      });
      expect(await chosen({ time: at(44), timeline: '1' }, facts)).toBe('base_4');
    });

    it('names the way out to who names the newer backup', async () => {
      const facts = { archived, backups: [backup(1), backup(4)], named: 'base_4' };
      await expect(chosen({ target: 'end' }, facts)).rejects.toMatchObject({
        message: expect.stringContaining('timeline 1 does not lead to timeline 2') as string,
        hint: expect.stringContaining('--target-timeline') as string,
      });
      expect(await chosen({ timeline: 'current' }, facts)).toBe('base_4');
    });
  });

  it('tells the server the position of a restore point, since by its name it stops at the first of several', async () => {
    async function* nightly(segment: SegmentId): AsyncGenerator<Landmark, void> {
      for await (const landmark of landmarks(segment)) {
        yield landmark.kind === 'restore point' ? { ...landmark, name: 'nightly' } : landmark;
      }
    }
    const request = parseRecoveryRequest({ name: 'nightly' });
    if (request === undefined) throw new Error('no request');
    const facts = { wal: wal(1, 2, 3), backups: [backup(1)], landmarks: nightly, logger: silentLogger };
    const plan = await planRecovery(facts, request);
    expect(plan.target).toEqual({ kind: 'lsn', lsn: parseLsn('0/3000900') });
  });

  it('prefers, for any moment that can be reached, the newest backup that ended before it', async () => {
    const backups = [1, 2, 3].map(backup);
    for (let minute = 10; minute < 45; minute++) {
      const name = await chosen({ time: formatInstant(parseInstant(at(minute))) }, { backups });
      expect(name).toBe(`base_${Math.min(3, Math.floor(minute / 10))}`);
    }
  });
});
