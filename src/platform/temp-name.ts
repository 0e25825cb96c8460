/**
 * Names of files that are being written, in a file storage and beside what wal-fetch was asked for: `<final>.tmp.<YYYYMMDD>T<HHMMSS>Z-<16 hex>`, WAL-G's form (`storages.md` 5.2 of
 * the specification), so that both hide each other's. WAL-G's digits are random; ours say who writes: six of the
 * machine, six of the process, four of a counter. That is how a leftover of a killed process is told from a file in use.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from '../errors.ts';

const pattern = /\.tmp\.\d{8}T\d{6}Z-[0-9a-f]{16}$/;
const foreignLeftoverAgeMs = 24 * 3_600_000;

let counter = Math.floor(Math.random() * 0x10000);
let machine: string | undefined;

/** Is this the name of a file being written, by us or by WAL-G? */
export function isTempName(name: string): boolean {
  return pattern.test(name);
}

/** A fresh name beside `finalName`; whoever creates it exclusively owns it, else asks for another. */
export function tempNameFor(finalName: string, now: Date): string {
  return `${finalName}.tmp.${stampOf(now)}`;
}

/** `<YYYYMMDD>T<HHMMSS>Z-<16 hex>`: when, and by which process. New each time. */
export function stampOf(now: Date): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  counter = (counter + 1) % 0x10000;
  return `${time}-${machineDigits()}${hex(process.pid, 6)}${hex(counter, 4)}`;
}

/** Whether a stamp, or what ends with one, is of a process of this machine that runs no more. Of other machines nothing is known. */
export function isOfDeadProcess(stamp: string): boolean {
  const digits = stamp.slice(-16);
  return digits.startsWith(machineDigits()) && !isRunning(Number.parseInt(digits.slice(6, 12), 16));
}

/**
 * Is nobody writing this file any more? A writer on this machine is looked up by its process id; of others (and WAL-G) it
 * is only known that a file untouched for 24 hours is abandoned.
 */
export function isAbandoned(name: string, modified: Date, now: Date): boolean {
  return isOfDeadProcess(name) || now.getTime() - modified.getTime() > foreignLeftoverAgeMs;
}

function isRunning(pid: number): boolean {
  // To the system, 0 means our own group: nothing of ours has that id, so nothing is known.
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** Six digits for this host, boot and process namespace: ids of processes mean nothing outside of them. */
function machineDigits(): string {
  machine ??= hex(fnv1a([hostname(), bootId(), processNamespace()].join('\n')) & 0xffffff, 6);
  return machine;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  } catch {
    return '';
  }
}

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0').slice(-digits);
}
