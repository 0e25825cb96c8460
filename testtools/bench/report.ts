/** What all parts of the benchmark share: where the programs are, and how figures are printed and kept. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import type { Contender, Run } from './measure.ts';

/** The repository. */
export const root = resolve(import.meta.dirname, '..', '..');
/** The built command. */
export const walvault = join(root, 'dist', 'walvault');
/** The Node that the built command runs on. */
export const node = join(root, 'dist', 'lib', 'node');

const report: string[] = [];

/** Prints a piece of the report and keeps it for {@link saveReport}. */
export function print(text: string): void {
  report.push(text);
  process.stdout.write(`${text}\n`);
}

/** A figure with a goal that it may not exceed. */
export function atMost(what: string, figure: number, goal: number): void {
  print(`- ${what}: **${figure.toFixed(2)}** (goal: at most ${goal}) ${figure <= goal ? 'reached' : 'NOT reached'}`);
}

/** A figure with a goal that it may not fall short of. */
export function atLeast(what: string, figure: number, goal: number): void {
  print(`- ${what}: **${figure.toFixed(2)}** (goal: at least ${goal}) ${figure >= goal ? 'reached' : 'NOT reached'}`);
}

/** Writes all that was printed to `.cache/bench.md`. */
export function saveReport(): void {
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(join(root, '.cache', 'bench.md'), `${report.join('\n')}\n`);
}

/** CPU seconds of one of the results, by its index. */
export const cpu = (results: readonly Run[], index: number): number => results[index]?.cpuSeconds ?? Number.NaN;
/** Wall clock of one of the results, by its index. */
export const wall = (results: readonly Run[], index: number): number => results[index]?.wallSeconds ?? Number.NaN;

/** Makes an empty folder, whatever was there. */
export function emptied(folder: string, owner: string | undefined): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (owner !== undefined) execFileSync('chown', [owner, folder]);
}

/** A contender that runs as the user of the cluster's server. */
export function asClusterUser(cluster: BenchCluster, contender: Contender): Contender {
  return cluster.user === undefined ? contender : { ...contender, user: cluster.user };
}

/** Bytes in the tables of a cluster. */
export function dataBytes(cluster: BenchCluster): number {
  const listed = execFileSync('du', ['-sb', join(cluster.dataDirectory, 'base')], { encoding: 'utf8' });
  return Number(listed.split('\t')[0]);
}
