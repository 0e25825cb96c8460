/** Whether a process that left its number somewhere is still running. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from '../../errors.ts';

/** A process of some machine. */
export interface ThisProcess {
  readonly host: string;
  readonly pid: number;
  /** When it started, in the words of the system; empty where that is not told. Numbers are given again. */
  readonly started: string;
}

/** The one that asks. */
export function thisProcess(): ThisProcess {
  return { host: hostname(), pid: process.pid, started: startOf(process.pid) };
}

/** False also for processes of other machines, of which nothing is known. */
export function isRunning({ host, pid, started }: ThisProcess): boolean {
  return host === hostname() && isAlive(pid) && startOf(pid) === started;
}

/** Whether there is a process of this number, be it another user's. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function startOf(pid: number): string {
  try {
    // The name of the program, in brackets, may hold anything.
    const [, rest = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return rest.split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
