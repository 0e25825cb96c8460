/** Runs the built command, `dist/walvault`, as a user would. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { asServerUser } from './postgres/server-user.ts';
import { reachableCopy } from './reachable-copy.ts';

/** The command under test; `make build` makes it. */
export const walvaultPath = join(resolve(import.meta.dirname, '..'), 'dist', 'walvault');

/**
 * The command at a path that the server's user may enter (for `archive_command`): the built one, or that of a copy when
 * the checkout is closed to others. @throws Error when it has not been built
 */
export function reachableWalvault(): string {
  if (!existsSync(walvaultPath)) throw new Error('dist/walvault is missing; run: make build');
  return join(reachableCopy(dirname(walvaultPath)), 'walvault');
}

/** How a run ended. */
export interface CliResult {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run in progress. */
export interface CliRun {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Resolves when the log has a line that matches; rejects when the run ends before. */
  logged(pattern: RegExp): Promise<void>;
}

/** Options of {@link startCli}. */
export interface CliOptions {
  /** The whole environment of the run but PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts the command, as the server's user when this process is root. @throws Error when it has not been built */
export function startCli(args: readonly string[], options: CliOptions = {}): CliRun {
  const child = spawn(reachableWalvault(), args, {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...options.env },
    cwd: options.cwd ?? '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...asServerUser(),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<CliResult>((settle, fail) => {
    child.on('error', fail);
    child.on('close', (status, signal) => {
      settle({ status, signal, stdout, stderr });
    });
  });
  return {
    child,
    ended,
    logged: (pattern) =>
      new Promise((settle, fail) => {
        const look = (): void => {
          if (pattern.test(stderr)) settle();
        };
        look();
        child.stderr.on('data', look);
        child.on('close', () => {
          look();
          fail(new Error(`ended before ${String(pattern)}: ${stderr}`));
        });
      }),
  };
}

/** Runs the command to its end. */
export function runCli(args: readonly string[], options?: CliOptions): Promise<CliResult> {
  return startCli(args, options).ended;
}
