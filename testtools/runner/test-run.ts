/** What surrounds a run of the integration tests: a folder for copies of programs, removed when all workers have ended. */
import { rmSync } from 'node:fs';
import { makeServerTemp } from '../postgres/server-user.ts';
import { copiesVariable } from '../reachable-copy.ts';

/** Called by vitest before the workers start; the result is called after they have ended. */
export default function setup(): () => void {
  const folder = makeServerTemp();
  process.env[copiesVariable] = folder;
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
