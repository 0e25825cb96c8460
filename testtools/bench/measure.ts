/** Measures whole commands: wall clock, CPU of the process tree (and of a server that works for it), peak memory. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one run took. */
export interface Run {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the largest process of the tree. */
  readonly peakBytes: number;
  /** What other programs, and other virtual machines, used of all cores meanwhile, 0 … 1. */
  readonly othersShare: number;
}

/** One contender of a comparison. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Not measured; puts things back before each run. */
  readonly prepare?: () => void;
  /** The user to run as. */
  readonly user?: string;
}

/** Medians of a contender's runs. */
export interface Result extends Run {
  readonly name: string;
  readonly runs: readonly Run[];
}

/**
 * Runs the contenders in turn, `rounds` times, so that a noisy moment meets all of them.
 *
 * @param serverPid postmaster whose CPU time counts too (what it does for pg_basebackup it does in its own process)
 * @throws Error with the output of a command that failed
 */
export function compare(contenders: readonly Contender[], rounds: number, serverPid?: number): readonly Result[] {
  const runs = new Map(contenders.map((contender) => [contender.name, [] as Run[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of contenders) {
      contender.prepare?.();
      runs.get(contender.name)?.push(measure(contender, serverPid));
    }
  }
  return contenders.map(({ name }) => {
    const own = runs.get(name) ?? [];
    return {
      name,
      runs: own,
      wallSeconds: median(own.map((run) => run.wallSeconds)),
      cpuSeconds: median(own.map((run) => run.cpuSeconds)),
      peakBytes: Math.max(...own.map((run) => run.peakBytes)),
      othersShare: median(own.map((run) => run.othersShare)),
    };
  });
}

/** The words of a command line that runs as a user; undefined = the caller. */
export function asUser(user: string | undefined, words: readonly string[]): readonly string[] {
  return user === undefined ? words : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', ...words];
}

function measure(contender: Contender, serverPid: number | undefined): Run {
  const scratch = mkdtempSync(join(tmpdir(), 'walvault-bench-'));
  const peakFile = join(scratch, 'peak');
  try {
    const serverBefore = serverPid === undefined ? 0 : cpuOfServer(serverPid);
    const words = ['/usr/bin/time', '-q', '-f', '%M', '-o', peakFile, ...asUser(contender.user, contender.command)];
    const busyBefore = busySeconds();
    const script = 'TIMEFORMAT="TIMES %3R %3U %3S"; time "$@"';
    const done = spawnSync('bash', ['-c', script, 'bash', ...words], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...contender.environment },
      cwd: contender.cwd ?? '/',
      maxBuffer: 64 << 20,
    });
    const times = /TIMES ([\d.]+) ([\d.]+) ([\d.]+)/.exec(done.stderr);
    if (done.status !== 0 || times === null) {
      throw new Error(`${contender.name} failed (${String(done.status)}): ${done.stdout}${done.stderr}`);
    }
    const server = serverPid === undefined ? 0 : cpuOfServer(serverPid) - serverBefore;
    const wallSeconds = Number(times[1]);
    const cpuSeconds = Number(times[2]) + Number(times[3]) + server;
    const othersSeconds = Math.max(0, busySeconds() - busyBefore - cpuSeconds);
    return {
      wallSeconds,
      cpuSeconds,
      peakBytes: Number(readFileSync(peakFile, 'utf8').trim()) * 1024,
      othersShare: othersSeconds / (wallSeconds * availableParallelism()),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** CPU seconds of a postmaster, its running children and those it has waited for. */
function cpuOfServer(pid: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let fields: string[];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    } catch {
      continue; // ended meanwhile; its parent has its times then
    }
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number) as [number, number, number, number];
    if (Number(name) === pid) ticks += utime + stime + cutime + cstime;
    else if (Number(fields[1]) === pid) ticks += utime + stime;
  }
  return ticks / 100;
}

/** Seconds that the cores were not idle, also those that the hypervisor gave to others. */
function busySeconds(): number {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = first.split(/ +/).slice(1).map(Number);
  return (user + nice + system + irq + softIrq + stolen) / 100;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** What others may use of the machine without being told of: short runs are not measured finely. */
const quietPercent = 10;

/** A table of results; every row is set against the row `base`. */
export function table(title: string, results: readonly Result[], base: string): string {
  const reference = results.find((result) => result.name === base);
  const lines = [
    `\n### ${title}`,
    '',
    '| | wall s | CPU s | peak MB | wall ratio | CPU ratio | CPU s of each run |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const result of results) {
    const ratio = (ours: number, theirs: number | undefined): string =>
      theirs === undefined ? '' : (ours / theirs).toFixed(2);
    lines.push(
      `| ${[
        result.name.replaceAll('|', '\\|'),
        result.wallSeconds.toFixed(3),
        result.cpuSeconds.toFixed(3),
        (result.peakBytes / 1e6).toFixed(0),
        ratio(result.wallSeconds, reference?.wallSeconds),
        ratio(result.cpuSeconds, reference?.cpuSeconds),
        result.runs.map((run) => run.cpuSeconds.toFixed(3)).join(' '),
      ].join(' | ')} |`,
    );
  }
  const othersPercent = 100 * Math.max(...results.map((result) => result.othersShare));
  if (othersPercent > quietPercent) {
    lines.push(
      '',
      `(Other programs used up to ${othersPercent.toFixed(0)} % of the machine: mistrust the wall clock.)`,
    );
  }
  return lines.join('\n');
}
