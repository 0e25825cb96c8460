/** What is left after a deletion can be restored: by the built program on a real server. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { factOf, openRig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('delete', () => {
  it(
    'leaves what stays as it was: a permanent backup by itself, a delta, and all WAL since',
    { timeout: 300_000 },
    async () => {
      await using rig = await openRig({ major: major ?? 0, environment: { WALG_DELTA_MAX_STEPS: '3' } });
      const { server, storage } = rig;
      const push = async (...more: readonly string[]): Promise<void> => {
        await rig.succeed(['backup-push', server.dataDirectory, ...more]);
        await server.query('INSERT INTO ledger SELECT max(n) + 1 FROM ledger');
        await rig.archiveAll();
      };
      const backups = async (): Promise<readonly string[]> => {
        const { stdout } = await rig.succeed(['backup-list', '--json']);
        return (JSON.parse(stdout) as { backup_name: string }[]).map(({ backup_name: name }) => name);
      };
      await server.query('CREATE TABLE ledger AS SELECT 1 AS n');
      await push('--full');
      await push('--full', '--permanent');
      await push('--full');
      await push('--full');
      await push();
      const [oldest, permanent, third, full, delta] = await backups();
      if (permanent === undefined || delta === undefined) throw new TypeError('five backups');
      expect(delta).toContain('_D_');

      const refused = await rig.cli(['delete', 'retain', '1', '--confirm']);
      expect(refused.status).toBe(77);
      expect(refused.stderr).toContain(`"${delta}" is a delta`);
      const before = readdirSync(join(storage, 'wal_005')).length;
      const deleted = await rig.succeed(['delete', 'retain', 'FIND_FULL', '1', '--confirm']);
      expect(deleted.stderr).toMatch(/Object marked for deletion: wal_005\/\S+ storage=default/);
      expect(deleted.stderr).toMatch(/Objects deleted successfully: count=\d+/);
      expect(deleted.stdout).toMatch(new RegExp(`^goes +${oldest} `, 'm'));
      expect(deleted.stdout).toMatch(new RegExp(`^goes +${third} `, 'm'));
      expect(await backups()).toEqual([permanent, full, delta]);
      expect(readdirSync(join(storage, 'wal_005')).length).toBeLessThan(before);
      const again = await rig.succeed(['delete', 'retain', 'FIND_FULL', '1', '--confirm']);
      expect(again.stderr).toContain('No objects matched the deletion criteria.');

      const newest = join(rig.folder, 'newest');
      await rig.succeed(['backup-fetch', newest, 'LATEST', '--target-timeline', 'latest']);
      const restored = await rig.startRestored(newest);
      await restored.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(await factOf(restored, 'ledger')).toBe(await factOf(server, 'ledger'));

      // Of it only the WAL to its end is left.
      const kept = join(rig.folder, 'kept');
      await rig.succeed(['backup-fetch', kept, permanent, '--target', 'immediate', '--target-action', 'promote']);
      const old = await rig.startRestored(kept);
      await old.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(await old.value('SELECT max(n) FROM ledger')).toBe('2');

      await rig.succeed(['delete', 'everything', 'FORCE', '--confirm']);
      expect(await backups()).toEqual([]);
    },
  );
});
