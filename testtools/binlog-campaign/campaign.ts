/**
 * A server that changes at random, its binlogs closed and pushed at random, backups made while it is written to; then it is
 * restored to states noted on the way, chosen at random: by a GTID, a position, or an instant; and what comes of it is
 * compared with what was there.
 */
import { openMariadbRig, restoreCommands, type MariadbRig } from '../mariadb/rig.ts';
import { startMariadb, type MariadbServer, type MariadbSettings } from '../mariadb/server.ts';
import { seededRandom } from '../seeded-random.ts';
import { following, pushing } from './archiver.ts';
import { differences, fingerprintOf, type Fingerprint } from './fingerprint.ts';
import { formsOf } from './forms.ts';
import { makeHistory, type HistoryOptions, type MadeBackup, type Noted } from './history.ts';
import { workloadDatabases } from './workload.ts';

/** How much of it. */
export interface BinlogCampaignOptions extends HistoryOptions {
  /** States to restore. */
  readonly targets: number;
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

/**
 * Whether a restored server goes on where its source went on. CREATE TABLE … SELECT is one transaction there, and two for
 * who applies it by mysqlbinlog: such a server is refused, since it seems to have executed what follows.
 */
async function isAt(server: MariadbServer, gtids: string): Promise<boolean> {
  const own = ((await server.value('SELECT @@gtid_binlog_pos')) ?? '').split(',');
  return own.every((gtid) => gtids.split(',').includes(gtid));
}

/** Runs one. @throws Error when a command fails that must not */
export async function runBinlogCampaign(options: BinlogCampaignOptions): Promise<BinlogCampaignReport> {
  const { seed, targets, log } = options;
  const random = seededRandom(seed ^ 0x5eed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const { settings, environment, restored } = formsOf(seed);
  await using rig = await openMariadbRig({ max_binlog_size: '1M', max_connections: 40, ...settings }, environment);
  const archiver = options.archiving === 'follow' ? following(rig) : pushing(rig);
  log(`seed ${seed}: ${options.archiving}, ${JSON.stringify({ ...settings, ...environment, ...restored })}`);
  const { made, noted } = await makeHistory(rig, archiver, options, random);
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
    await using server = await restore(rig, backup, { prepared, restored });
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

async function replay(rig: MariadbRig, server: MariadbServer, since: string, until: string): Promise<Fingerprint> {
  await rig.succeed(['binlog-replay', '--since', since, '--until', until], {
    WALG_MYSQL_DATASOURCE_NAME: server.datasource,
    WALG_MYSQL_BINLOG_DST: server.folder,
  });
  return fingerprintOf(server, workloadDatabases);
}

interface RestoreOptions {
  /** Directories of backups that were fetched before. */
  readonly prepared: Map<string, string>;
  readonly restored: MariadbSettings;
}

function restore(
  rig: MariadbRig,
  { name, tool }: MadeBackup,
  { prepared, restored }: RestoreOptions,
): Promise<MariadbServer> {
  return tool === 'mariadb-dump' ? restoreDump(rig, name, restored) : restoreCopy(rig, name, { prepared, restored });
}

async function restoreCopy(
  rig: MariadbRig,
  name: string,
  { prepared, restored }: RestoreOptions,
): Promise<MariadbServer> {
  const directory = prepared.get(name) ?? (await rig.fetch(name));
  prepared.set(name, directory);
  return rig.startCopy(directory, restored);
}

async function restoreDump(rig: MariadbRig, name: string, settings: MariadbSettings): Promise<MariadbServer> {
  const server = await startMariadb({ settings });
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
