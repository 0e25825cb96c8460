/** Makes the server's programs usable by the user that runs them. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Installation } from './installations.ts';
import { isOpenToAll, makeServerTemp, serverUser } from './server-user.ts';

const copies = new Map<string, string>();

/**
 * The folder to run an installation's programs from. It is the installation itself, unless the server's user may not
 * enter it (a clone below a closed home, used as root): then a copy made of hard links where that works, in a
 * temporary folder that is removed when this process exits.
 */
export function programsOf(installation: Installation): string {
  if (serverUser() === undefined || isOpenToAll(installation.binDirectory)) return installation.binDirectory;
  const source = dirname(installation.binDirectory);
  let copy = copies.get(source);
  if (copy === undefined) {
    const directory = makeServerTemp();
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
    copy = join(directory, 'native');
    copyTree(source, copy);
    copies.set(source, copy);
  }
  return join(copy, 'bin');
}

function copyTree(source: string, target: string): void {
  try {
    execFileSync('cp', ['-al', source, target], { stdio: 'ignore' });
  } catch {
    rmSync(target, { recursive: true, force: true });
    execFileSync('cp', ['-a', source, target]);
  }
}
