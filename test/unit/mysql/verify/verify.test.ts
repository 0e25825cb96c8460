import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import { backupVerify } from '../../../../src/commands/backup-verify.ts';
import { ArchiverError } from '../../../../src/errors.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { pushObject } from '../../../../src/pipeline/push-object.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { runCommand } from '../../../../testtools/command-run.ts';
import { makeBinlog, type MadeBinlog } from '../../../../testtools/made-binlog-file.ts';
import { madeXtrabackup } from '../../../../testtools/made-xbstream.ts';

const [full, increment] = ['stream_20261121T000001Z', 'stream_20261121T000002Z'];
const timestamp = 1_795_219_200;
const sentinelOf = (backup: string): string => `basebackups_005/${backup}_backup_stop_sentinel.json`;

interface Scene {
  readonly transport: Transport;
  put(key: string, bytes: string | Uint8Array): Promise<void>;
  /** As payload. */
  push(key: string, bytes: string | Uint8Array): Promise<void>;
  sentinel(backup: string, changes?: object): Promise<void>;
}

const binlogs: Readonly<Record<string, MadeBinlog>> = {
  'mysql-bin.000001': {
    timestamp,
    previous: [],
    transactions: [
      { gtid: '0-1-1', timestamp },
      { gtid: '0-1-2', timestamp },
    ],
    closed: 'mysql-bin.000002',
  },
  'mysql-bin.000002': {
    timestamp,
    previous: ['0-1-2'],
    transactions: [{ gtid: '0-1-3', timestamp }],
    closed: 'mysql-bin.000003',
  },
  'mysql-bin.000003': { timestamp, previous: ['0-1-3'], transactions: [], closed: 'mysql-bin.000004' },
};
const first = makeBinlog(binlogs['mysql-bin.000001'] ?? { timestamp });
const position = first.transactions[1]?.start ?? 0;
const stream = madeXtrabackup({ to: 1000, binlogInfo: `mysql-bin.000001\t${position}\t0-1-1\n` });

/** A full backup, an increment of it, three binlogs: all whole. */
async function madeScene(): Promise<Scene> {
  const transport: Transport = { storage: createMemoryStorage(), codec: await openCodec('lz4'), crypter: undefined };
  const scene: Scene = {
    transport,
    put: (key, bytes) => transport.storage.write(key, fromBytes(Buffer.from(bytes))),
    push: async (key, bytes) => {
      await pushObject(transport, key, () => fromBytes(Buffer.from(bytes)));
    },
    sentinel: (backup, changes = {}) =>
      scene.put(
        sentinelOf(backup),
        JSON.stringify({
          ...{ Tool: 'WALG_XTRABACKUP_TOOL', BinLogStart: 'mysql-bin.000001', UncompressedSize: stream.length },
          ...{ StartLocalTime: '2026-11-21T00:00:01Z', LSN: 1000, DeltaLSN: 0, DeltaCount: 0 },
          ...changes,
        }),
      ),
  };
  await scene.push(`basebackups_005/${full}/stream`, stream);
  await scene.sentinel(full);
  const delta = madeXtrabackup({ from: 1000, to: 2000 });
  await scene.push(`basebackups_005/${increment}/stream`, delta);
  await scene.sentinel(increment, {
    ...{ IsIncremental: true, DeltaFrom: full, DeltaFullName: full, DeltaCount: 1, LSN: 2000, DeltaLSN: 1000 },
    ...{ UncompressedSize: delta.length, BinLogStart: 'mysql-bin.000003', StartLocalTime: '2026-11-21T00:00:02Z' },
  });
  for (const [name, made] of Object.entries(binlogs)) await scene.push(`binlog_005/${name}`, makeBinlog(made).bytes);
  return scene;
}

interface Verified {
  readonly kind: string | undefined;
  readonly json: {
    readonly backups: readonly {
      readonly name: string;
      readonly status: string;
      readonly problems: readonly { readonly object: string; readonly what: string }[];
      readonly notes: readonly string[];
    }[];
    readonly binlogs?: { readonly status: string; readonly problems: readonly { readonly what: string }[] };
  };
}

async function verify({ transport }: Scene, ...words: readonly string[]): Promise<Verified> {
  let kind: string | undefined;
  let stdout = '';
  const command: typeof backupVerify = {
    ...backupVerify,
    async run(app, args) {
      try {
        const print = (text: string): Promise<void> => {
          stdout += text;
          return Promise.resolve();
        };
        return await backupVerify.run({ ...app, print }, args);
      } catch (error) {
        if (!(error instanceof ArchiverError)) throw error;
        kind = error.kind;
        return undefined;
      }
    },
  };
  await runCommand(command, [...words, '--json'], { transport });
  return { kind, json: JSON.parse(stdout) as Verified['json'] };
}

const found = ({ json }: Verified): readonly string[] =>
  json.backups.flatMap(({ name, problems }) => problems.map(({ what }) => `${name}: ${what}`));

describe('backup-verify of MySQL', () => {
  it('proves what is whole, and remembers it', async () => {
    const scene = await madeScene();
    const { kind, json } = await verify(scene, '--all', '--binlogs');
    expect(kind).toBeUndefined();
    expect(json.backups.map(({ status, problems }) => [status, problems])).toEqual([
      ['proven', []],
      ['proven', []],
    ]);
    expect(json.binlogs).toMatchObject({ status: 'proven', problems: [], count: { read: 3, total: 3 } });
    expect(await scene.transport.storage.stat(`walvault_verify/${full}.json`)).toBeDefined();
    // By default the newest one, with what it builds on.
    expect((await verify(scene)).json.backups.map(({ name }) => name)).toEqual([full, increment]);
  });

  it.each<[string, RegExp, (scene: Scene) => Promise<void>]>([
    [
      'a stream that is cut off',
      /the stream|UncompressedSize|sentinel says|cut|ends/,
      async (scene) => {
        await scene.push(`basebackups_005/${full}/stream`, stream.subarray(0, stream.length - 60));
      },
    ],
    [
      'another length than was recorded',
      /and its sentinel says 7/,
      (scene) => scene.sentinel(full, { UncompressedSize: 7 }),
    ],
    [
      'a wrong bit in a chunk',
      /checksum|CRC/i,
      async (scene) => {
        const wrong = Buffer.from(stream);
        const at = wrong.indexOf('mysql-bin');
        wrong[at] = 0x4d;
        await scene.push(`basebackups_005/${full}/stream`, wrong);
      },
    ],
    [
      'an object that does not decompress',
      /./,
      async (scene) => {
        await scene.put(`basebackups_005/${full}/stream.lz4`, 'no lz4');
      },
    ],
    [
      'no stream',
      /no stream is stored/,
      (scene) => scene.transport.storage.delete([`basebackups_005/${full}/stream.lz4`]),
    ],
    ['LSNs that contradict the stream', /LSN 999, and the stream 1000/, (scene) => scene.sentinel(full, { LSN: 999 })],
    ['a sentinel that is no JSON', /not JSON/, (scene) => scene.put(sentinelOf(full), '{"Tool')],
    [
      'a position within an event',
      /no event begins/,
      async (scene) => {
        const wrong = madeXtrabackup({ to: 1000, binlogInfo: `mysql-bin.000001\t${position + 1}\t0-1-1\n` });
        await scene.push(`basebackups_005/${full}/stream`, wrong);
        await scene.sentinel(full, { UncompressedSize: wrong.length });
      },
    ],
    [
      'a position behind the end of its binlog',
      /ends before this position/,
      async (scene) => {
        const wrong = madeXtrabackup({ to: 1000, binlogInfo: 'mysql-bin.000001\t99999\t0-1-1\n' });
        await scene.push(`basebackups_005/${full}/stream`, wrong);
        await scene.sentinel(full, { UncompressedSize: wrong.length });
      },
    ],
  ])('finds %s, and tells of the increments on it', async (_what, expected, damage) => {
    const scene = await madeScene();
    await damage(scene);
    const verified = await verify(scene, '--all');
    expect(verified.kind).toBe('corrupt');
    expect(found(verified).filter((text) => text.startsWith(full))).toContainEqual(expect.stringMatching(expected));
    expect(verified.json.backups.map(({ status }) => status)).toEqual(['damaged', 'damaged']);
  });

  it('finds binlogs that are missing, damaged, or of another history', async () => {
    const gap = await madeScene();
    await gap.transport.storage.delete(['binlog_005/mysql-bin.000002.lz4']);
    const missing = await verify(gap, '--all', '--binlogs');
    expect(missing).toMatchObject({ kind: 'corrupt', json: { binlogs: { status: 'damaged' } } });
    expect(missing.json.backups[0]).toMatchObject({
      status: 'proven',
      notes: ['"mysql-bin.000002" is missing behind it'],
    });

    const wrong = await madeScene();
    const bytes = Buffer.from(makeBinlog(binlogs['mysql-bin.000002'] ?? { timestamp }).bytes);
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
    await wrong.push('binlog_005/mysql-bin.000002', bytes);
    expect((await verify(wrong, '--all', '--wal')).json.binlogs?.problems[0]?.what).toMatch(/mysql-bin.000002/);

    const cut = await madeScene();
    await cut.push('binlog_005/mysql-bin.000003', first.bytes.subarray(0, first.bytes.length - 5));
    expect((await verify(cut, '--all', '--wal')).json.binlogs?.problems.map(({ what }) => what)).toContainEqual(
      expect.stringMatching(/ends early/),
    );

    const other = await madeScene();
    const foreign = makeBinlog({ timestamp, previous: ['0-1-900'], transactions: [], closed: 'mysql-bin.000004' });
    await other.push('binlog_005/mysql-bin.000003', foreign.bytes);
    expect((await verify(other, '--all', '--wal')).json.binlogs?.problems[0]?.what).toMatch(/does not follow/);
  });

  it('reads by a budget what is known least, and refuses one for binlogs', async () => {
    const scene = await madeScene();
    const statuses = async (): Promise<readonly string[]> =>
      (await verify(scene, '--all', '--budget', '1')).json.backups.map(({ status }) => status);
    expect(await statuses()).toEqual(['proven', 'unknown']);
    expect(await statuses()).toEqual(['proven', 'proven']);
    await expect(runCommand(backupVerify, ['--wal', '--budget', '1'], scene)).rejects.toMatchObject({
      kind: 'usage',
    });
  });
});
