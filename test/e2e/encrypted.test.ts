import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../../testtools/cli.ts';
import { openFixture, type Fixture } from '../../testtools/fixture.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';

/** What can happen to an object, from its bytes to what is there in its place. */
const damages: Readonly<Record<string, (object: Buffer) => Buffer>> = {
  'lost its last byte': (object) => object.subarray(0, -1),
  'lost its second half': (object) => object.subarray(0, object.length / 2),
  // WAL-G takes a libsodium stream that ends there for a whole one.
  'is cut between two chunks of libsodium': (object) => object.subarray(0, 24 + 3 * 8209),
  'has another last byte': (object) => withFlippedByte(object, object.length - 1),
  'has another byte in the middle': (object) => withFlippedByte(object, Math.floor(object.length / 2)),
  'goes on after its end': (object) => Buffer.concat([object, Buffer.from('more')]),
  'is there twice': (object) => Buffer.concat([object, object]),
  'is empty': () => Buffer.alloc(0),
  'was stored in clear': () => Buffer.from('04224d186470b900000000055dcc02', 'hex'),
};

function withFlippedByte(object: Buffer, at: number): Buffer {
  const changed = Buffer.from(object);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

const archives = [
  { name: 'pg15-brotli-pgp', segment: '000000010000000000000005', suffix: '.br' },
  { name: 'pg15-lz4-libsodium', segment: '000000010000000000000009', suffix: '.lz4' },
];

describe.each(archives)('of the encrypted archive $name', ({ name, segment, suffix }) => {
  let fixture: Fixture;
  beforeAll(() => {
    fixture = openFixture(name);
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  const cli = (args: readonly string[]): Promise<CliResult> => runCli(args, { env: fixture.environment });

  /** Runs with a damaged object, and puts the right one back. */
  async function withDamage(key: string, damage: (object: Buffer) => Buffer, run: () => Promise<void>): Promise<void> {
    const path = join(fixture.storage, key);
    const object = readFileSync(path);
    writeFileSync(path, damage(object));
    try {
      await run();
    } finally {
      writeFileSync(path, object);
    }
  }

  it.each(Object.keys(damages))('a segment that %s is not given out', async (what) => {
    const folder = makeServerDirectory(join(fixture.folder, 'wal'));
    await withDamage(`wal_005/${segment}${suffix}`, damages[what] ?? ((object) => object), async () => {
      const result = await cli(['wal-fetch', segment, join(folder, segment)]);
      expect([65, 77], result.stderr).toContain(result.status);
      expect(result.stderr).toMatch(/^ERROR: /m);
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('the same segment is given out when it is whole', async () => {
    const folder = makeServerDirectory(join(fixture.folder, 'whole'));
    const whole = await cli(['wal-fetch', segment, join(folder, segment)]);
    expect(whole.status, whole.stderr).toBe(0);
    expect(statSync(join(folder, segment)).size).toBe(fixture.expected.wal_segment_size_bytes);
  });

  it.each(Object.keys(damages))('a part that %s does not become a cluster that can be started', async (what) => {
    const [full] = fixture.expected.backups;
    const target = join(fixture.folder, 'target');
    const part = `basebackups_005/${full?.name ?? ''}/tar_partitions/part_001.tar${suffix}`;
    await withDamage(part, damages[what] ?? ((object) => object), async () => {
      const result = await cli(['backup-fetch', target, full?.name ?? '']);
      expect([65, 77], result.stderr).toContain(result.status);
      expect(result.stderr).toMatch(/^ERROR: .*part_001/m);
      expect(existsSync(join(target, 'global/pg_control'))).toBe(false);
    });
    rmSync(target, { recursive: true, force: true });
  });
});
