/** A running postmaster: waiting for it, stopping it, and not leaving it behind. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const stopSignals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
const startTimeoutMs = 60_000;
const stopTimeoutMs = 60_000;

/** A postmaster that this process started. */
export interface SupervisedServer {
  readonly running: boolean;
  /** Exit status, null after a signal. */
  readonly exited: Promise<number | null>;
  /** Waits until the postmaster says in its pid file that it accepts connections. */
  ready(pidFile: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  stop(mode: keyof typeof stopSignals): Promise<void>;
  /** SIGKILL, then waits for its children. */
  kill(): Promise<void>;
}

/** Watches a postmaster; it is killed when this process ends, however it ends. */
export function superviseServer(child: ChildProcess): SupervisedServer {
  let failure: Error | undefined;
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', (error) => {
      failure = error;
      resolve(null);
    });
  });
  const isRunning = (): boolean => failure === undefined && child.exitCode === null && child.signalCode === null;
  const killAtExit = (): void => void child.kill('SIGQUIT');
  process.once('exit', killAtExit);
  const watchdog = child.pid === undefined ? undefined : startWatchdog(child.pid);
  void exited.then(() => {
    process.off('exit', killAtExit);
    watchdog?.kill('SIGKILL');
  });

  return {
    get running() {
      return isRunning();
    },
    exited,
    async ready(pidFile) {
      const deadline = performance.now() + startTimeoutMs;
      while (!saysReady(pidFile, child.pid)) {
        if (!isRunning()) throw failure ?? new Error(`the server ended with status ${child.exitCode ?? 'signal'}`);
        if (performance.now() > deadline) throw new Error('the server did not become ready');
        await delay(20);
      }
    },
    signal: (name) => void child.kill(name),
    async stop(mode) {
      if (!isRunning()) return;
      child.kill(stopSignals[mode]);
      const stopped = await Promise.race([exited.then(() => true), delay(stopTimeoutMs, false, { ref: false })]);
      if (!stopped) {
        child.kill('SIGKILL');
        await exited;
        throw new Error(`the server did not stop in mode "${mode}"`);
      }
    },
    async kill() {
      if (child.pid === undefined || !isRunning()) return;
      const children = childrenOf(child.pid);
      child.kill('SIGKILL');
      await exited;
      const deadline = performance.now() + 5_000;
      while (children.some(isAlive)) {
        // Children end by themselves when their postmaster is gone; one that is busy may take too long.
        if (performance.now() > deadline) for (const pid of children.filter(isAlive)) process.kill(pid, 'SIGKILL');
        await delay(20);
      }
    },
  };
}

/** A shell that blocks on a pipe from this process: it reads the end of file however this process dies. */
function startWatchdog(pid: number): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', `read -r _; kill -QUIT ${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref?(): void }).unref?.();
  void once(shell, 'exit').catch(() => undefined);
  return shell;
}

function saysReady(pidFile: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(pidFile, 'utf8').split('\n');
    return Number(lines[0]) === pid && ['ready', 'standby'].includes((lines[7] ?? '').trim());
  } catch {
    return false;
  }
}

function childrenOf(pid: number): readonly number[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => statusOf(one)?.parent === pid);
}

function isAlive(pid: number): boolean {
  const status = statusOf(pid);
  return status !== undefined && status.state !== 'Z';
}

function statusOf(pid: number): { readonly state: string | undefined; readonly parent: number } | undefined {
  try {
    // The name in parentheses may hold anything; the fields after it do not.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
