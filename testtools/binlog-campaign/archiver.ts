/** Ways of a campaign to get the binlogs of its server into the archive. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CliRun } from '../cli.ts';
import type { MariadbRig } from '../mariadb/rig.ts';

/** One of them. */
export interface Archiver {
  /** Called at any time. */
  disturb(): Promise<void>;
  /** Sees to it that all there is now is in the archive, and ends. */
  finish(): Promise<void>;
}

/** What cron does: `binlog-push` now and then; in the end the active binlog is closed and goes, too. */
export function pushing(rig: MariadbRig): Archiver {
  return {
    async disturb() {
      await rig.succeed(['binlog-push']);
    },
    async finish() {
      await rig.succeed(['binlog-push', '--flush']);
    },
  };
}

/** `binlog-push --follow`, killed now and then; in the end the active binlog is there as far as it was written. */
export function following(rig: MariadbRig): Archiver {
  const start = (): CliRun => rig.start(['binlog-push', '--follow'], { WALG_MYSQL_FOLLOW_INTERVAL: '500ms' });
  let run = start();
  const assertRunning = async (): Promise<void> => {
    if (run.child.exitCode === null && run.child.signalCode === null) return;
    throw new Error(`binlog-push --follow ended\n${(await run.ended).stderr}`);
  };
  return {
    async disturb() {
      await assertRunning();
      run.child.kill('SIGKILL');
      await run.ended;
      run = start();
    },
    async finish() {
      const [[binlog = '', position = ''] = []] = await rig.server.query('SHOW MASTER STATUS');
      const deadline = performance.now() + 120_000;
      while (storedEnd(rig, binlog) < Number(position)) {
        await assertRunning();
        if (performance.now() > deadline) throw new Error(`${binlog}:${position} does not get into the archive`);
        await delay(100);
      }
      run.child.kill('SIGTERM');
      const { status, stderr } = await run.ended;
      if (status !== 0) throw new Error(`binlog-push --follow ended with ${status}\n${stderr}`);
    },
  };
}

/** Where what is stored of a binlog that is not closed ends; 0 when there is nothing of it. */
function storedEnd(rig: MariadbRig, binlog: string): number {
  const folder = join(rig.storage, 'walvault_binlog', binlog);
  const ends = existsSync(folder) ? readdirSync(folder).map((name) => Number(/^\d+-(\d+)/.exec(name)?.[1] ?? 0)) : [];
  return Math.max(0, ...ends);
}
