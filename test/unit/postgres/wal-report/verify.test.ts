import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import type { CurrentPosition } from '../../../../src/postgres/wal-report/current-position.ts';
import { verifyWal, type VerifyResult } from '../../../../src/postgres/wal-report/verify.ts';
import { parseSegmentName, segmentName } from '../../../../src/postgres/wal-segment.ts';
import type { ObjectInfo, Storage } from '../../../../src/storage/storage.ts';
import { timedStorage } from '../../../../testtools/catalogue.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const segmentBytes = 16 * 1024 * 1024;
const noTime = '2026-11-21T03:31:46Z';

interface Given {
  readonly segments: readonly string[];
  /** By name: what differs from an ordinary backup. */
  readonly backups?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly histories?: Readonly<Record<string, string>>;
}

async function archive({ segments, backups = {}, histories = {} }: Given): Promise<Storage> {
  const storage = timedStorage();
  for (const name of segments) await storage.put(`wal_005/${name}`, '', 0n);
  for (const [name, text] of Object.entries(histories)) {
    await storage.write(`wal_005/${name}`, fromBytes(Buffer.from(text)));
  }
  for (const [name, metadata] of Object.entries(backups)) {
    const text = { start_time: noTime, finish_time: noTime, start_lsn: 1, finish_lsn: 2, ...metadata };
    await storage.put(`basebackups_005/${name}/metadata.json`, JSON.stringify(text), 0n);
    await storage.put(`basebackups_005/${name}_backup_stop_sentinel.json`, '{}', 0n);
  }
  return storage;
}

async function verify(
  storage: Storage,
  current: string | undefined,
  options: { readonly backup?: string; readonly systemIdentifier?: bigint; readonly maxDelayed?: number } = {},
): Promise<VerifyResult & { readonly lines: readonly string[]; readonly log: readonly string[] }> {
  const logger = recordingLogger();
  const segment = current === undefined ? undefined : parseSegmentName(current, segmentBytes);
  const position: CurrentPosition | undefined = segment && {
    segment,
    toldBy: 'server',
    systemIdentifier: options.systemIdentifier,
  };
  const result = await verifyWal(
    {
      transport: { storage, codec: noneCodec, crypter: undefined },
      logger,
      clock: fakeClock(new Date('2026-11-22T00:00:00Z')),
      signal: new AbortController().signal,
    },
    {
      checks: new Set(['integrity', 'timeline']),
      position,
      backup: options.backup,
      segmentBytes,
      maxDelayed: options.maxDelayed ?? 0,
      maxUploading: 1,
    },
  );
  const lines = (result.integrity?.stretches ?? []).map(({ timeline, first, last, status }) => {
    const [from, to] = [first, last].map((number) => segmentName({ timeline, number }, segmentBytes));
    return `${from} ${to} ${status}`;
  });
  return { ...result, lines, log: logger.records.map(({ message }) => message) };
}

function named(timeline: number, ...numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => segmentName({ timeline, number: BigInt(number) }, segmentBytes));
}

describe('integrity', () => {
  it('begins at the oldest backup, and tells lost from delayed and from uploading', async () => {
    const storage = await archive({
      segments: named(1, 1, 3, 4, 6, 7),
      backups: { base_000000010000000000000003: {}, base_000000010000000000000006: {} },
    });
    const { integrity, lines } = await verify(storage, '00000001000000000000000C', { maxDelayed: 3 });
    expect(integrity?.status).toBe('FAILURE');
    expect(lines).toEqual([
      '000000010000000000000003 000000010000000000000004 FOUND',
      '000000010000000000000005 000000010000000000000005 MISSING_LOST',
      '000000010000000000000006 000000010000000000000007 FOUND',
      '000000010000000000000008 000000010000000000000008 MISSING_UPLOADING',
      '000000010000000000000009 00000001000000000000000B MISSING_DELAYED',
    ]);
  });

  it('goes over switches of timelines, two in one segment as well', async () => {
    const storage = await archive({
      segments: [...named(1, 1, 2, 3), ...named(2, 4), ...named(3, 4, 5)],
      histories: { '00000003.history': '1\t0/4000100\tpromoted\n2\t0/4000200\tpromoted\n' },
      backups: { base_000000010000000000000002: {} },
    });
    const { integrity, lines } = await verify(storage, '000000030000000000000006');
    expect(integrity?.status).toBe('OK');
    expect(lines).toEqual([
      '000000010000000000000002 000000010000000000000003 FOUND',
      '000000030000000000000004 000000030000000000000005 FOUND',
    ]);
  });

  it('follows a timeline that has segments from before its beginning, and warns', async () => {
    const storage = await archive({
      segments: [...named(1, 1, 2, 3), ...named(2, 3, 4)],
      histories: { '00000002.history': '1\t0/4000100\tpromoted\n' },
      backups: { base_000000010000000000000002: {} },
    });
    const { lines, log } = await verify(storage, '000000020000000000000005');
    expect(lines).toEqual([
      '000000020000000000000002 000000020000000000000002 MISSING_LOST',
      '000000020000000000000003 000000020000000000000004 FOUND',
    ]);
    expect(log).toContain('a timeline has WAL from before it should have begun, which is followed');
  });

  it('leaves aside backups that are permanent, of other timelines, of other clusters', async () => {
    const storage = await archive({
      segments: [...named(1, 1, 2, 3, 4), ...named(3, 5, 6, 7)],
      histories: { '00000003.history': '1\t0/5000100\tpromoted\n' },
      backups: {
        base_000000010000000000000001: { is_permanent: true },
        base_000000010000000000000002: { system_identifier: 77 },
        base_000000010000000000000003: { system_identifier: 99 },
        // After the point where its timeline was left.
        base_000000010000000000000005: {},
        base_000000020000000000000001: {},
        base_000000030000000000000004: {},
        base_000000030000000000000006: {},
      },
    });
    const { lines, log } = await verify(storage, '000000030000000000000008', { systemIdentifier: 99n });
    expect(lines[0]).toBe('000000010000000000000003 000000010000000000000004 FOUND');
    expect(log.filter((message) => message === 'backup is left aside')).toHaveLength(5);
    const all = await verify(storage, '000000030000000000000008');
    expect(all.lines[0]).toBe('000000010000000000000002 000000010000000000000004 FOUND');
    const named2 = await verify(storage, '000000030000000000000008', { backup: 'base_000000010000000000000001' });
    expect(named2.lines[0]).toBe('000000010000000000000001 000000010000000000000004 FOUND');
    await expect(
      verify(storage, '000000030000000000000008', { backup: 'base_000000020000000000000001' }),
    ).rejects.toMatchObject({ kind: 'usage' });
  });

  it('is not judged when the history of the timeline cannot be read', async () => {
    const storage = await archive({ segments: named(2, 4), histories: { '00000002.history': 'nonsense' } });
    await expect(verify(storage, '000000020000000000000005')).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('without any backup, only a gap between segments is a loss', async () => {
    const late = await archive({ segments: named(1, 4, 5) });
    expect((await verify(late, '000000010000000000000006')).integrity?.status).toBe('WARNING');
    const torn = await archive({ segments: named(1, 4, 6) });
    const { integrity, log } = await verify(torn, '000000010000000000000008');
    expect(integrity?.status).toBe('FAILURE');
    expect(log).toContain('no backup to verify the WAL from: it is verified from its first segment on');
  });

  it('examines nothing when the oldest backup is in the current segment', async () => {
    const storage = await archive({ segments: [], backups: { base_000000010000000000000003: {} } });
    expect((await verify(storage, '000000010000000000000003')).integrity).toEqual({ status: 'OK', stretches: [] });
  });

  it('looks at hundreds of thousands of segments in a moment', async () => {
    const objects = Array.from({ length: 200_000 }, (_, index): ObjectInfo => {
      const name = segmentName({ timeline: 1, number: BigInt(index + 1) }, segmentBytes);
      return { kind: 'object', key: `wal_005/${name}.lz4`, sizeBytes: 1, modified: new Date(0) };
    });
    objects.splice(100_000, 1);
    const storage: Storage = {
      ...timedStorage(),
      // eslint-disable-next-line @typescript-eslint/require-await -- a listing is asynchronous
      async *list(prefix) {
        if (prefix === 'wal_005') yield* objects.toReversed();
      },
    };
    const { lines } = await verify(storage, segmentName({ timeline: 1, number: 200_001n }, segmentBytes));
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/ MISSING_LOST$/);
  }, 60_000);
});

describe('timeline', () => {
  it('is that of the newest segment or history file', async () => {
    const storage = await archive({ segments: named(2, 4), histories: { '00000003.history': '2\t0/5000100\tx\n' } });
    expect((await verify(storage, '000000030000000000000005')).timeline).toEqual({
      ...{ status: 'OK', current: 3, highest: 3 },
    });
    expect((await verify(storage, '000000020000000000000005')).timeline?.status).toBe('FAILURE');
    expect((await verify(await archive({ segments: [] }), '000000020000000000000005')).timeline?.status).toBe(
      'WARNING',
    );
    expect((await verify(storage, undefined)).timeline).toEqual({ status: 'WARNING', current: undefined, highest: 3 });
  });
});
