/**
 * Deltas of a cluster that changes at random, a session writing while each is pushed; every delta is restored, recovered to
 * a point behind it, and held against the cluster itself: page by page against a plain copy of its files that is recovered
 * from the same checkpoint to the same point (see `compare.ts`), and by its contents.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, readlinkSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeServerDirectory } from '../postgres/server-user.ts';
import type { ServerSettings, TestServer } from '../postgres/server.ts';
import { openRig, type Rig } from '../rig.ts';
import { compareClusters } from './compare.ts';
import { examineCluster, factsOfAll } from './examine.ts';
import { workload } from './workload.ts';

/** What tells which pages changed. */
export type ChangeSource = 'scan' | 'summaries' | 'wal';

/** A campaign: one cluster, a full backup, and so many deltas, each of the one before. */
export interface CampaignOptions {
  readonly seed: number;
  readonly major: number;
  readonly deltas: number;
  readonly source: ChangeSource;
  readonly checksums: boolean;
  /** Examine contents after this many deltas; the last is always examined. */
  readonly examineEvery: number;
  readonly log: (line: string) => void;
}

/** What it found. */
export interface CampaignReport {
  /** Nothing, or what is wrong. */
  readonly problems: readonly string[];
  /** Deltas that were made and compared. */
  readonly deltas: number;
  /** Files that went in as increments. */
  readonly increments: number;
  /** What the pushes said of where they look for changes. */
  readonly sources: readonly string[];
}

const statementsPerDelta = 30;

/** Runs one. @throws Error when a command fails that must not */
export async function runDeltaCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { seed, major, deltas, source, log } = options;
  await using rig = await openRig({
    major,
    initdbArgs: options.checksums ? ['--data-checksums'] : major >= 18 ? ['--no-data-checksums'] : [],
    settings: {
      autovacuum: false,
      max_wal_size: '4GB',
      checkpoint_timeout: '1h',
      ...(major >= 17 ? { summarize_wal: source === 'summaries' } : {}),
    },
    environment: {
      WALG_DELTA_MAX_STEPS: String(deltas),
      WALG_USE_WAL_DELTA: String(source === 'wal'),
    },
  });
  const { server } = rig;
  await server.query(`CREATE TABLESPACE ts LOCATION '${makeServerDirectory(join(rig.folder, 'ts'))}'`);
  await server.query('CREATE SEQUENCE numbers');
  const statements = workload({ seed, prefix: 'w', major, withDatabases: true });
  const others = workload({ seed: seed + 1, prefix: 'x', major, withDatabases: false });
  await runSome(server, statements, statementsPerDelta);
  await rig.succeed(['backup-push', server.dataDirectory]);

  const problems: string[] = [];
  const sources = new Set<string>();
  let increments = 0;
  for (let step = 1; step <= deltas; step += 1) {
    await runSome(server, statements, statementsPerDelta);
    const pushed = await pushWhileWriting(rig, others);
    sources.add(pushed.source);
    increments += pushed.increments;
    await server.query('CHECKPOINT');
    const facts = await factsOfAll(server);
    await server.query(`SELECT pg_create_restore_point('step ${step}')`);
    await rig.archiveAll();

    const isExamined = step === deltas || step % options.examineEvery === 0;
    const order = (seed + step) % 2 === 0 ? 'true' : 'false';
    const found = await judge(rig, {
      ...pushed,
      step,
      order,
      facts,
      isExamined,
      what: options.checksums ? 'pages' : 'LSNs',
    });
    log(`seed ${seed}, PostgreSQL ${major}, ${source}, step ${step}: ${pushed.backup}, ${found.length} problems`);
    problems.push(...found.map((problem) => `seed ${seed}, step ${step} (${pushed.backup}): ${problem}`));
  }
  return { problems, deltas, increments, sources: [...sources] };
}

async function runSome(server: TestServer, statements: Generator<string>, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    const next = statements.next();
    if (next.done === true) return;
    await server.query(next.value).catch((error: unknown) => {
      if (!server.running) throw error;
    });
  }
}

interface Pushed {
  readonly backup: string;
  readonly copy: string;
  readonly increments: number;
  readonly source: string;
}

/** Pushes a delta and copies the files of the cluster, with a session that writes all the time. */
async function pushWhileWriting(rig: Rig, statements: Generator<string>): Promise<Pushed> {
  const { server } = rig;
  let isOver = false;
  async function write(): Promise<void> {
    while (!isOver) await runSome(server, statements, 1);
  }
  const writing = write();
  try {
    const { stderr } = await rig.succeed(['backup-push', server.dataDirectory]);
    const backup = /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
    if (!backup.includes('_D_')) throw new Error(`not a delta: ${stderr}`);
    const list = readFileSync(join(rig.storage, 'basebackups_005', backup, 'files_metadata.json'), 'utf8');
    return {
      backup,
      copy: copyCluster(server.dataDirectory, rig.folder),
      increments: list.split(/"IsIncremented": ?true/).length - 1,
      source: /looking for changes in .*/.exec(stderr)?.[0] ?? '',
    };
  } finally {
    isOver = true;
    await writing;
  }
}

/** As one would for a backup by hand: files that go meanwhile are left out, WAL is not taken. */
function copyCluster(directory: string, folder: string): string {
  const copy = join(folder, 'copy');
  spawnSync('cp', ['-a', directory, copy], { stdio: 'ignore' });
  for (const name of ['postmaster.pid', 'postmaster.opts', 'pg_wal', 'standby.signal']) {
    rmSync(join(copy, name), { recursive: true, force: true });
  }
  execFileSync('install', ['-d', '-m', '700', join(copy, 'pg_wal')]);
  const links = join(copy, 'pg_tblspc');
  for (const oid of readdirSync(links)) {
    const target = readlinkSync(join(links, oid));
    unlinkSync(join(links, oid));
    spawnSync('cp', ['-a', target, join(folder, `copy-${oid}`)], { stdio: 'ignore' });
    execFileSync('ln', ['-s', join(folder, `copy-${oid}`), join(links, oid)]);
  }
  return copy;
}

interface Case extends Pushed {
  readonly step: number;
  readonly order: string;
  readonly facts: ReadonlyMap<string, string | null>;
  readonly isExamined: boolean;
  readonly what: 'pages' | 'LSNs';
}

async function judge(rig: Rig, one: Case): Promise<readonly string[]> {
  const { backup, copy, step, order } = one;
  const target = join(rig.folder, 'restored');
  const problems: string[] = [];
  try {
    await rig.succeed(
      ['backup-fetch', target, backup, '--target-name', `step ${step}`, '--target-action', 'shutdown'],
      {
        WALG_USE_REVERSE_UNPACK: order,
      },
    );
    for (const name of ['backup_label', 'recovery.signal', 'postgresql.auto.conf', 'global/pg_control']) {
      cpSync(join(target, name), join(copy, name));
    }
    await recover(rig, target);
    // The copy was made when the backup had ended: of what was truncated between, WAL before that finds nothing. Where
    // the backup ends the server takes that for an inconsistency, which the later WAL clears up.
    await recover(rig, copy, { ignore_invalid_pages: true });
    problems.push(...compareClusters(target, copy, one.what));
    if (one.isExamined) problems.push(...(await examine(rig, target, one)));
  } finally {
    for (const name of readdirSync(rig.folder)) {
      // Prefetched WAL may still be coming in.
      const patience = { maxRetries: 50, retryDelay: 100 };
      if (/^(restored|copy)/.test(name)) rmSync(join(rig.folder, name), { recursive: true, force: true, ...patience });
    }
  }
  return problems;
}

/** Recovers to the target and shuts down there, which writes all pages to the disk. */
async function recover(rig: Rig, directory: string, settings: ServerSettings = {}): Promise<void> {
  const server = await rig.startRestored(directory, {
    settings: { hot_standby: false, ...settings },
    prepareOnly: true,
  });
  await server.start().catch(() => undefined);
  await server.exited();
  if (!server.log().includes('recovery stopping')) throw new Error(`${directory}: ${server.log().slice(-2000)}`);
  await server[Symbol.asyncDispose]();
}

async function examine(rig: Rig, directory: string, { facts }: Case): Promise<readonly string[]> {
  const restored = await rig.startRestored(directory, {
    settings: { recovery_target_action: 'promote', autovacuum: false },
  });
  try {
    await restored.waitFor('SELECT NOT pg_is_in_recovery()', { timeoutMs: 120_000 });
    const problems: string[] = [];
    const found = await factsOfAll(restored);
    for (const name of new Set([...facts.keys(), ...found.keys()])) {
      if (facts.get(name) !== found.get(name))
        problems.push(`${name}: ${facts.get(name) ?? ''} became ${found.get(name) ?? ''}`);
    }
    return [...problems, ...(await examineCluster(restored))];
  } finally {
    await restored.stop();
  }
}
