/** What is left after a deletion can be restored and rolled forward: by the built program on a real server. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, describe } from 'vitest';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { openMariadbRig } from '../../testtools/mariadb/rig.ts';

describe.skipIf(!hasMariadb)(`delete in an archive of MariaDB${whyNoMariadb}`, () => {
  it('leaves what stays as it was, and the binlogs to roll it forward', { timeout: 300_000 }, async () => {
    await using rig = await openMariadbRig();
    const { server, storage } = rig;
    const binlogs = (): readonly string[] => readdirSync(join(storage, 'binlog_005')).sort();
    const insert = async (): Promise<void> => {
      await server.query('INSERT INTO shop.ledger SELECT COALESCE(MAX(n), 0) + 1 FROM shop.ledger');
      await rig.succeed(['binlog-push', '--flush']);
    };
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.ledger (n INT PRIMARY KEY)');
    await insert();
    const names: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      names.push(await rig.backup());
      // In the midst of a binlog begins the next one.
      await insert();
      await server.query('INSERT INTO shop.ledger SELECT COALESCE(MAX(n), 0) + 1 FROM shop.ledger');
    }
    await insert();
    const [permanent = '', second = '', last = ''] = names;
    await rig.succeed(['backup-mark', permanent]);
    const before = binlogs();

    const deleted = await rig.succeed(['delete', 'retain', '1', '--confirm']);
    expect(deleted.stderr).toMatch(/Object marked for deletion: binlog_005\/\S+ storage=default/);
    expect(deleted.stdout).toMatch(new RegExp(`^stays +${permanent} .* none +permanent$`, 'm'));
    expect(deleted.stdout).toMatch(new RegExp(`^goes +${second} `, 'm'));
    expect(deleted.stdout).toMatch(new RegExp(`^stays +${last} .* all that follows `, 'm'));
    const gone = before.filter((name) => !binlogs().includes(name));
    expect(gone.length).toBeGreaterThan(1);
    // What was deleted is still there on the server, and does not come back.
    await rig.succeed(['binlog-push']);
    expect(binlogs().filter((name) => gone.includes(name))).toEqual([]);
    const again = await rig.succeed(['delete', 'retain', '1', '--confirm']);
    expect(again.stderr).toContain('No objects matched the deletion criteria.');

    await using newest = await rig.startCopy(await rig.fetch('LATEST'), { gtid_strict_mode: 1, server_id: 50 });
    await rig.succeed(['binlog-replay'], { WALG_MYSQL_DATASOURCE_NAME: newest.datasource });
    expect(await newest.facts('shop')).toEqual(await server.facts('shop'));
    await using old = await rig.startCopy(await rig.fetch(permanent));
    expect(await old.value('SELECT MAX(n) FROM shop.ledger')).toBe('1');

    await rig.succeed(['delete', 'everything', 'FORCE', '--confirm']);
    expect(binlogs()).toEqual([]);
  });
});
