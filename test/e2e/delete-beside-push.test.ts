/** Deletions and pushes that meet, by the built program on a real server. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();
const timeout = 180_000;
const mountable = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;

describe.skipIf(major === undefined)('a deletion and a push that meet', () => {
  let rig: Rig;
  let leases: string;
  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0, settings: { archive_timeout: 0 } });
    leases = join(rig.storage, 'walvault_leases');
  }, timeout);
  afterAll(async () => rig[Symbol.asyncDispose]());

  async function backups(): Promise<readonly string[]> {
    const { stdout } = await rig.succeed(['backup-list', '--json']);
    return (JSON.parse(stdout) as { backup_name: string }[]).map(({ backup_name: name }) => name);
  }

  const push = (): string[] => ['backup-push', rig.server.dataDirectory];

  it('the push waits until the deletion has ended', { timeout }, async () => {
    makeServerDirectory(leases);
    // Of a deletion on another machine.
    const deletion = join(leases, 'exclusive_delete_20261121T030000Z-0123456789abcdef.json');
    writeFileSync(deletion, '{"purpose":"delete","hostname":"db2","pid":12,"since":"2026-11-21T03:00:00.000Z"}');
    const run = rig.start(push());
    await run.logged(/waiting for a deletion that is running on "db2" \(process 12\)/);
    expect(existsSync(join(rig.storage, 'basebackups_005'))).toBe(false);
    rmSync(deletion);
    const { status, stderr } = await run.ended;
    expect(status, stderr).toBe(0);
    expect(await backups()).toHaveLength(1);
    expect(existsSync(leases) ? readdirSync(leases) : []).toEqual([]);
  });

  it('the deletion refuses to begin, but not on account of a push that was killed', { timeout }, async () => {
    await rig.succeed(push());
    const [oldest] = await backups();
    const run = rig.start(push(), { WALG_DISK_RATE_LIMIT: '100000' });
    await run.logged(/pushing the files/);
    const refused = await rig.cli(['delete', 'retain', '1', '--confirm']);
    expect(refused.status, refused.stderr).toBe(75);
    expect(refused.stderr).toContain('"backup-push" is running on ');
    expect(await backups()).toContain(oldest);
    const dry = await rig.succeed(['delete', 'retain', '1']);
    expect(dry.stdout).toContain(oldest);
    run.child.kill('SIGKILL');
    await run.ended;
    await rig.succeed(['delete', 'retain', '1', '--confirm']);
    expect(await backups()).toHaveLength(1);
  });

  it(
    'of several deletions at once one deletes, and the others do the same or say that they are busy',
    { timeout },
    async () => {
      await rig.succeed(push());
      await rig.succeed(push());
      const runs = Array.from({ length: 3 }, () => rig.cli(['delete', 'policy', '--keep-last', '1', '--confirm']));
      const results = await Promise.all(runs);
      for (const { status, stderr } of results) expect([0, 75], stderr).toContain(status);
      expect(results.some(({ status }) => status === 0)).toBe(true);
      const left = await backups();
      expect(left).toHaveLength(1);
      await rig.succeed(['backup-fetch', join(rig.folder, 'restored'), 'LATEST']);
      expect(existsSync(leases) ? readdirSync(leases) : []).toEqual([]);
    },
  );

  it.skipIf(!mountable)('a deletion makes room on a storage that is full to the last byte', { timeout }, async () => {
    const small = makeServerDirectory(join(rig.folder, 'small'));
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', small]).status).toBe(0);
    try {
      giveToServer(small);
      const environment = { WALG_FILE_PREFIX: small, WALG_WAL_WAIT_TIMEOUT: '0' };
      for (let count = 0; count < 2; count++) await rig.succeed(push(), environment);
      spawnSync('sh', ['-c', 'cat /dev/zero > "$0"', join(small, 'filling')]);
      const full = await rig.cli(push(), environment);
      expect(full.status, full.stderr).toBe(73);
      const { stderr } = await rig.succeed(['delete', 'retain', '1', '--confirm'], environment);
      expect(stderr).toContain('no room for a lease');
      const { stdout } = await rig.succeed(['backup-list', '--json'], environment);
      expect(JSON.parse(stdout)).toHaveLength(1);
      expect(readdirSync(join(small, 'walvault_leases'))).toEqual([]);
    } finally {
      spawnSync('umount', [small]);
    }
  });
});
