/** What happens to the server of a campaign, and the states of it that are noted. */
import { setTimeout as delay } from 'node:timers/promises';
import { dumpCommand, type MariadbRig } from '../mariadb/rig.ts';
import type { MariadbServer } from '../mariadb/server.ts';
import type { Archiver } from './archiver.ts';
import { fingerprintOf, type Fingerprint } from './fingerprint.ts';
import { binlogWorkload, workloadDatabases, workloadSchema } from './workload.ts';

/** How much happens. */
export interface HistoryOptions {
  readonly seed: number;
  /** Statements between two backups. */
  readonly steps: number;
  /** Backups by mariadb-backup; one by mariadb-dump comes after them. */
  readonly backups: number;
  /** Also kill the server and start it again, which closes binlogs without a word. */
  readonly withCrashes: boolean;
}

/** A state of the server, and the ways to ask for it. */
export interface Noted {
  readonly step: number;
  readonly until: {
    /** Of all domains. */
    readonly gtids: string;
    /** Of the last transaction, where that is clear. */
    readonly gtid?: string | undefined;
    readonly position: string;
    readonly time?: string | undefined;
  };
  readonly fingerprint: Fingerprint;
  /** Backups that were complete by then. */
  readonly backups: number;
}

/** A backup, and what made it. */
export interface MadeBackup {
  readonly name: string;
  readonly tool: 'mariadb-backup' | 'mariadb-dump';
}

/** Every so many statements a state is noted. */
const noteEvery = 4;

/** Makes one. @throws Error when a command fails that must not */
export async function makeHistory(
  rig: MariadbRig,
  archiver: Archiver,
  { seed, steps, backups, withCrashes }: HistoryOptions,
  random: () => number,
): Promise<{ readonly made: readonly MadeBackup[]; readonly noted: readonly Noted[] }> {
  const { server } = rig;
  const below = (limit: number): number => Math.floor(random() * limit);
  const workload = binlogWorkload(seed);
  const made: MadeBackup[] = [];
  const noted: Noted[] = [];
  let step = 0;
  const oneStep = async (): Promise<void> => {
    step += 1;
    const { value } = workload.next() as { readonly value: string };
    await server.query(value, 'wk').catch((error: unknown) => {
      throw new Error(`step ${step}: ${value}`, { cause: error });
    });
  };
  await server.query(workloadSchema);
  for (let round = 0; round <= backups; round += 1) {
    const ofRound = round === backups ? dumpBackup(rig) : rig.backup();
    if (round === backups) made.push({ name: await ofRound, tool: 'mariadb-dump' });
    else made.push({ name: await whileWriting(ofRound, oneStep), tool: 'mariadb-backup' });
    for (let done = 1; done <= steps; done += 1) {
      const gtidsBefore = await server.value('SELECT @@gtid_binlog_pos');
      await oneStep();
      if (done % noteEvery === 0) {
        noted.push(
          await note(server, {
            step,
            gtidsBefore: gtidsBefore ?? '',
            backups: made.length,
            isTimed: below(3) === 0,
          }),
        );
      }
      if (below(15) === 0) await archiver.disturb();
      if (withCrashes && below(25) === 0) {
        await (below(2) === 0 ? server.stop() : crashFlushed(server));
        await server.start();
      }
    }
  }
  return { made, noted };
}

/** What is in files without a log of their own must be on the disk. */
async function crashFlushed(server: MariadbServer): Promise<void> {
  await server.query('FLUSH TABLES');
  await server.crash();
}

async function whileWriting(backup: Promise<string>, write: () => Promise<void>): Promise<string> {
  const running = new Set([backup]);
  const over = backup.finally(() => running.clear());
  over.catch(() => undefined);
  while (running.size > 0) await write();
  return over;
}

function dumpBackup(rig: MariadbRig): Promise<string> {
  return rig.backup({ WALG_STREAM_CREATE_COMMAND: dumpCommand(rig.server, workloadDatabases) });
}

interface NoteOptions {
  readonly step: number;
  readonly gtidsBefore: string;
  readonly backups: number;
  /** Also by an instant, which takes a second or two: a binlog knows whole seconds. */
  readonly isTimed: boolean;
}

async function note(server: MariadbServer, { step, gtidsBefore, backups, isTimed }: NoteOptions): Promise<Noted> {
  const [[binlog = '', position = ''] = []] = await server.query('SHOW MASTER STATUS');
  const gtids = (await server.value('SELECT @@gtid_binlog_pos')) ?? '';
  const fingerprint = await fingerprintOf(server, workloadDatabases);
  const fresh = gtids.split(',').filter((one) => !gtidsBefore.split(',').includes(one));
  const time = isTimed ? await quietInstant() : undefined;
  return {
    step,
    fingerprint,
    backups,
    until: {
      gtids,
      position: `${binlog}:${position}`,
      gtid: fresh.length === 1 ? fresh[0] : undefined,
      time,
    },
  };
}

/** The middle of a second in which nothing is committed. */
async function quietInstant(): Promise<string> {
  const next = Math.floor(Date.now() / 1000) * 1000 + 1000;
  await delay(next + 1010 - Date.now());
  return new Date(next + 500).toISOString();
}
