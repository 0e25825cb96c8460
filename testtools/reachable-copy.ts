/**
 * Copies of programs for the server's user, when the checkout is below a closed home and root runs the tests. One copy
 * for each folder and test run: `test-run.ts` names the place in the environment and removes it in the end.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isOpenToAll, makeServerTemp, serverUser } from './postgres/server-user.ts';

/** The variable that names the folder of copies; it is set for the time of a test run. */
export const copiesVariable = 'WALVAULT_TEST_COPIES';

/** The folder itself where the server's user may enter it, else a copy of it, made of hard links where that works. */
export function reachableCopy(source: string): string {
  if (serverUser() === undefined || isOpenToAll(source)) return source;
  const name = createHash('sha256').update(source).digest('hex').slice(0, 8);
  return madeOnce(name, (made) => {
    try {
      execFileSync('cp', ['-al', source, made], { stdio: 'ignore' });
    } catch {
      rmSync(made, { recursive: true, force: true });
      execFileSync('cp', ['-a', source, made]);
    }
  });
}

/** A folder of the test run that the first process to need it makes, at a path that all may enter. */
export function madeOnce(name: string, make: (path: string) => void): string {
  const place = join(folderOfCopies(), name);
  if (existsSync(place)) return place;
  const own = mkdtempSync(`${place}-`);
  chmodSync(own, 0o755);
  const made = join(own, 'copy');
  make(made);
  try {
    renameSync(made, place);
  } catch (error) {
    // Another process of the run was faster.
    if (!existsSync(place)) throw error;
  }
  rmSync(own, { recursive: true, force: true });
  return place;
}

let ownFolder: string | undefined;

/** Outside of a test run (a script that uses the test servers) the folder goes with this process. */
function folderOfCopies(): string {
  const shared = process.env[copiesVariable];
  if (shared !== undefined) return shared;
  if (ownFolder === undefined) {
    const folder = makeServerTemp();
    process.once('exit', () => {
      rmSync(folder, { recursive: true, force: true });
    });
    ownFolder = folder;
  }
  return ownFolder;
}
