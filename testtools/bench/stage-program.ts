/** Builds `stage-main.ts` into a program that starts as fast as the built command does. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildProgram } from './build-program.ts';
import { node, root } from './report.ts';

/** The command line of one stage, from file to file. */
export type StageCommand = (
  action: 'compress' | 'decompress' | 'encrypt' | 'decrypt',
  method: string,
  from: string,
  to: string,
) => readonly string[];

/** Bundles from the same sources as the command. Packages are taken from `node_modules`. */
export async function buildStageProgram(): Promise<StageCommand> {
  const folder = join(root, '.cache', 'bench-stage');
  rmSync(folder, { recursive: true, force: true });
  await buildProgram('stage-main', folder);
  return (action, method, from, to) => [node, join(folder, 'stage-main.mjs'), action, method, from, to];
}
