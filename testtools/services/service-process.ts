/** A server that a test started as a process of its own: waiting for it, stopping it, and not leaving it behind. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** A running server; disposing ends it. */
export interface ServiceProcess extends AsyncDisposable {
  readonly running: boolean;
  /** The end of what it said on stdout and stderr. */
  log(): string;
  /** Asks until the answer is true. @throws Error with the log when the server ends, or says nothing for too long */
  until(ready: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
}

/** How to start one. */
export interface ServiceOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Asks it to end; default SIGTERM. After some seconds it is killed. */
  readonly stopSignal?: NodeJS.Signals;
}

const logLimit = 20_000;
const stopMs = 5_000;

/** Starts a program. It, and what is in its process group, is killed when this process ends, however it ends. */
export function startService(
  command: string,
  args: readonly string[],
  { environment = {}, stopSignal = 'SIGTERM', ...options }: ServiceOptions = {},
): ServiceProcess {
  const spawnOptions: SpawnOptions = {
    ...options,
    // A group of its own, so that its children end with it.
    detached: true,
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  };
  const child = spawn(command, args, spawnOptions);
  let text = '';
  let failure: Error | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-logLimit);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.once('error', (error) => {
      failure = error;
      resolve();
    });
  });
  const isRunning = (): boolean => failure === undefined && child.exitCode === null && child.signalCode === null;
  const killAtExit = (): void => {
    signalGroup(child, 'SIGKILL');
  };
  process.once('exit', killAtExit);
  const watchdog = child.pid === undefined ? undefined : startWatchdog(child.pid);
  void ended.then(() => {
    process.off('exit', killAtExit);
    watchdog?.kill('SIGKILL');
  });

  return {
    get running() {
      return isRunning();
    },
    log: () => text,
    async until(ready, timeoutMs = 60_000) {
      const deadline = performance.now() + timeoutMs;
      while (!(await ready().catch(() => false))) {
        if (!isRunning()) throw new Error(`${command} ended: ${failure?.message ?? ''}\n${text}`);
        if (performance.now() > deadline) throw new Error(`${command} did not become ready\n${text}`);
        await delay(50);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!isRunning()) return;
      signalGroup(child, stopSignal);
      await Promise.race([ended, delay(stopMs, undefined, { ref: false })]);
      signalGroup(child, 'SIGKILL');
      await ended;
    },
  };
}

/** Whether a URL answers, with whatever status. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.status < 500;
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // it has ended
  }
}

/** A shell that blocks on a pipe from this process: it reads the end of file however this process dies. */
function startWatchdog(pid: number): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', `read -r _; kill -KILL -${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref?(): void }).unref?.();
  void once(shell, 'exit').catch(() => undefined);
  return shell;
}
