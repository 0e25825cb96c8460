import { describe, expect, it } from 'vitest';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { walVerify } from '../../../../src/commands/postgres/wal-verify.ts';
import { catalogueFixtures, openListedFixture, timedStorage, walgOutputs } from '../../../../testtools/catalogue.ts';
import { runCommand, type CommandOutcome } from '../../../../testtools/command-run.ts';
import { readExpected } from '../../../../testtools/fixture.ts';

const none = { codec: noneCodec, crypter: undefined };

/** Where the servers of the fixtures were when WAL-G verified their WAL, as its log says. */
const current: Readonly<Record<string, readonly [timeline: string, lsn: string]>> = {
  'pg15-lz4-delta': ['2', '0/D000001'],
  'pg17-lz4-delta': ['1', '0/6000060'],
  'pg15-brotli-pgp': ['1', '0/9000000'],
  'pg15-lzma': ['1', '0/4000060'],
  'pg15-zstd': ['1', '0/1600060'],
  'pg15-lz4-libsodium': ['1', '0/2F00060'],
};

describe('wal-verify prints what WAL-G printed', () => {
  for (const fixture of catalogueFixtures) {
    it.each(walgOutputs(fixture, 'wal-verify'))(`of ${fixture}: $args`, async ({ args, stdout }) => {
      const [timeline = '', lsn = ''] = current[fixture] ?? [];
      const outcome = await runCommand(walVerify, [...args, '--timeline', timeline, '--lsn', lsn, '--exit-code'], {
        transport: { storage: await openListedFixture(fixture), ...none },
        settings: { WALG_PG_WAL_SIZE: String(readExpected(fixture).wal_segment_size_bytes / 2 ** 20) },
      });
      // WAL-G runs its checks in any order.
      const inOrder = (text: string) => text.split(/(?=\[wal-verify\] \w+ check status)/).sort();
      expect(inOrder(outcome.stdout)).toEqual(inOrder(stdout));
      expect(outcome.status).toBe(0);
    });
  }
});

async function verify(words: readonly string[], names: readonly string[]): Promise<CommandOutcome> {
  const storage = timedStorage();
  for (const name of names) await storage.put(`wal_005/${name}`, '', 0n);
  return runCommand(walVerify, words, { transport: { storage, ...none }, settings: { WALG_UPLOAD_CONCURRENCY: '1' } });
}

describe('wal-verify', () => {
  it.each([
    { words: [], message: /at least one of the following checks should be specified: integrity, timeline/ },
    { words: ['integrity', 'lsn'], message: /invalid check specified: lsn/ },
    { words: ['timeline', '--lsn', '0/1'], message: /--timeline and --lsn are given together/ },
    { words: ['timeline', '--timeline', 'x', '--lsn', '0/1'], message: /no position in the WAL/ },
    { words: ['timeline', '--timeline', '1', '--lsn', '5'], message: /no position in the WAL/ },
    { words: ['timeline', '--timeline', '1', '--lsn', '0/1', '--without-server'], message: /exclude each other/ },
  ])('refuses $words', async ({ words, message }) => {
    await expect(verify(words, [])).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message) as string,
    });
  });

  it('ends with another status than 0 only when it is told to', async () => {
    const at = ['--timeline', '1', '--lsn', '0/8000001'];
    const late = ['000000010000000000000001', '000000010000000000000004'];
    expect((await verify(['integrity', ...at], late)).status).toBe(0);
    expect((await verify(['integrity', '--exit-code', ...at], late)).status).toBe(66);
    const [name] = ['000000010000000000000006'];
    expect((await verify(['integrity', '--exit-code', ...at], [name])).status).toBe(75);
    expect((await verify(['timeline', '--exit-code', ...at], [name])).status).toBe(0);
    expect((await verify(['timeline', '--exit-code', ...at], ['00000003.history.lz4'])).status).toBe(66);
    expect((await verify(['timeline', '--exit-code', ...at], [])).status).toBe(75);
  });

  it('tells JSON in the order of WAL-G, with null where nothing was examined', async () => {
    const { stdout } = await verify(
      ['timeline', 'integrity', 'timeline', '--json', '--timeline', '1', '--lsn', '0/1000001'],
      ['00000002.history'],
    );
    expect(stdout).toBe(
      '{"integrity":{"status":"OK","details":null},' +
        '"timeline":{"status":"FAILURE","details":{"current_timeline_id":1,"highest_storage_timeline_id":2}}}',
    );
  });

  it('works from the storage alone, and says that it cannot miss what was never archived', async () => {
    const names = ['000000010000000000000001', '000000010000000000000002', '000000010000000000000004'];
    const { stdout, log } = await verify(['integrity', 'timeline', '--without-server'], names);
    expect(log[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('no server was asked') as string });
    expect(stdout).toContain(
      '|   1 | 000000010000000000000004 | 000000010000000000000004 |              1 |        FOUND |',
    );
    expect(stdout).toContain(
      '|   1 | 000000010000000000000003 | 000000010000000000000003 |              1 | MISSING_LOST |',
    );
    expect(stdout).toContain('timeline check status: WARNING');
    expect(stdout).toContain('Current cluster timeline: not known');
    await expect(verify(['integrity', '--without-server'], [])).rejects.toMatchObject({ kind: 'missing' });
  });

  it('verifies from a backup that is named, a permanent one too', async () => {
    const transport = { storage: await openListedFixture('pg15-zstd'), ...none };
    const words = ['integrity', '--json', '--timeline', '1', '--lsn', '0/1600060', '--backup-name'];
    const run = (name: string) =>
      runCommand(walVerify, [...words, name], { transport, settings: { WALG_PG_WAL_SIZE: '1' } });
    expect((await run('base_00000001000000000000000F')).stdout).toContain('"start_segment":"00000001000000000000000F"');
    expect((await run('LATEST')).stdout).toContain('"start_segment":"000000010000000000000012"');
    await expect(run('base_00000001000000000000000E')).rejects.toMatchObject({ kind: 'missing' });
  });
});
