/**
 * A server that changes at random, its binlogs closed and pushed at random, backups made while it is written to; then it is
 * restored to states noted on the way, chosen at random: by a GTID, a position, or an instant; and what comes of it is
 * compared with what was there.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { openMariadbRig, restoreCommands, dumpCommand, type MariadbRig } from '../mariadb/rig.ts';
import { startMariadb, type MariadbServer } from '../mariadb/server.ts';
import { seededRandom } from '../seeded-random.ts';
import { following, pushing, type Archiver } from './archiver.ts';
import { differences, fingerprintOf, type Fingerprint } from './fingerprint.ts';
import { formsOf } from './forms.ts';
import { binlogWorkload, workloadDatabases, workloadSchema } from './workload.ts';

/** How much of it. */
export interface BinlogCampaignOptions {
  readonly seed: number;
  /** Statements between two backups. */
  readonly steps: number;
  /** Backups by mariadb-backup; one by mariadb-dump comes after them. */
  readonly backups: number;
  /** States to restore. */
  readonly targets: number;
  /** Also kill the server and start it again, which closes binlogs without a word. */
  readonly withCrashes: boolean;
  /** How binlogs get into the archive. */
  readonly archiving: 'push' | 'follow';
  readonly log: (line: string) => void;
}

/** What it found. */
export interface BinlogCampaignReport {
  /** Nothing, or what is wrong. */
  readonly problems: readonly string[];
  /** States that were restored and compared. */
  readonly restored: number;
  readonly binlogs: number;
}

/** A state of the server, and the ways to ask for it. */
interface Noted {
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

interface MadeBackup {
  readonly name: string;
  readonly tool: 'mariadb-backup' | 'mariadb-dump';
}

/**
 * Whether a restored server goes on where its source went on. CREATE TABLE … SELECT is one transaction there, and two for
 * who applies it by mysqlbinlog: such a server is refused, since it seems to have executed what follows.
 */
async function isAt(server: MariadbServer, gtids: string): Promise<boolean> {
  const own = ((await server.value('SELECT @@gtid_binlog_pos')) ?? '').split(',');
  return own.every((gtid) => gtids.split(',').includes(gtid));
}

/** Every so many statements a state is noted. */
const noteEvery = 4;

/** Runs one. @throws Error when a command fails that must not */
export async function runBinlogCampaign(options: BinlogCampaignOptions): Promise<BinlogCampaignReport> {
  const { seed, targets, log } = options;
  const random = seededRandom(seed ^ 0x5eed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const { settings, environment } = formsOf(seed);
  await using rig = await openMariadbRig({ max_binlog_size: '1M', max_connections: 40, ...settings }, environment);
  const archiver = options.archiving === 'follow' ? following(rig) : pushing(rig);
  log(`seed ${seed}: ${options.archiving}, ${JSON.stringify({ ...settings, ...environment })}`);
  const { made, noted } = await makeHistory(rig, archiver, options, below);
  await archiver.finish();
  const binlogs = (await rig.server.binlogs()).length;

  const problems: string[] = [];
  const prepared = new Map<string, string>();
  const usable = noted.filter(({ backups }) => backups > 0);
  for (let count = 0; count < targets; count += 1) {
    const at = below(usable.length);
    const state = usable[at];
    const backup = made[below(state?.backups ?? 0)];
    if (state === undefined || backup === undefined) throw new Error('nothing was noted');
    await using server = await restore(rig, backup, prepared);
    const steps = [{ since: backup.name, way: pickWay(state), state }];
    const later = usable[at + 1 + below(usable.length)];
    if (later !== undefined) {
      const since = below(2) === 0 ? state.until.gtids : state.until.position;
      steps.push({ since, way: pickWay(later), state: later });
    }
    for (const [index, { since, way, state: wanted }] of steps.entries()) {
      if (index > 0 && !(await isAt(server, state.until.gtids))) continue;
      const what = `seed ${seed}: ${since} (${backup.tool}) to step ${wanted.step} by ${way} ${wanted.until[way] ?? ''}`;
      const found = await replay(rig, server, since, wanted.until[way] ?? '')
        .then((fingerprint) => differences(wanted.fingerprint, fingerprint))
        .catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
      log(`${what}: ${found.length} problems`);
      problems.push(...found.map((problem) => `${what}: ${problem}`));
    }
  }

  function pickWay({ until }: Noted): keyof Noted['until'] {
    const ways = (['gtids', 'gtid', 'position', 'time'] as const).filter((way) => until[way] !== undefined);
    return ways[below(ways.length)] ?? 'gtids';
  }
  return { problems, restored: targets, binlogs };
}

async function makeHistory(
  rig: MariadbRig,
  archiver: Archiver,
  { seed, steps, backups, withCrashes }: BinlogCampaignOptions,
  below: (limit: number) => number,
): Promise<{ readonly made: readonly MadeBackup[]; readonly noted: readonly Noted[] }> {
  const { server } = rig;
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
      const { step: before } = { step };
      const gtidsBefore = await server.value('SELECT @@gtid_binlog_pos');
      await oneStep();
      if (done % noteEvery === 0) {
        noted.push(
          await note(server, {
            step: before + 1,
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

async function replay(rig: MariadbRig, server: MariadbServer, since: string, until: string): Promise<Fingerprint> {
  await rig.succeed(['binlog-replay', '--since', since, '--until', until], {
    WALG_MYSQL_DATASOURCE_NAME: server.datasource,
    WALG_MYSQL_BINLOG_DST: server.folder,
  });
  return fingerprintOf(server, workloadDatabases);
}

function restore(rig: MariadbRig, { name, tool }: MadeBackup, prepared: Map<string, string>): Promise<MariadbServer> {
  return tool === 'mariadb-dump' ? restoreDump(rig, name) : restoreCopy(rig, name, prepared);
}

async function restoreCopy(rig: MariadbRig, name: string, prepared: Map<string, string>): Promise<MariadbServer> {
  const directory = prepared.get(name) ?? (await rig.fetch(name));
  prepared.set(name, directory);
  return rig.startCopy(directory);
}

async function restoreDump(rig: MariadbRig, name: string): Promise<MariadbServer> {
  const server = await startMariadb();
  const command = ['mariadb', ...server.clientOptions].join(' ');
  await rig.succeed(['backup-fetch', name], {
    ...restoreCommands(server.folder),
    WALG_STREAM_RESTORE_COMMAND: command,
    WALG_MYSQL_BACKUP_PREPARE_COMMAND: '',
  });
  // What loading the dump was is no part of the source's history.
  await server.query('RESET MASTER');
  return server;
}
