/** Makes the server's programs usable by the user that runs them. */
import { dirname, join } from 'node:path';
import { reachableCopy } from '../reachable-copy.ts';
import type { Installation } from './installations.ts';

/** The folder to run an installation's programs from: its own, or that of a copy which the server's user may enter. */
export function programsOf(installation: Installation): string {
  return join(reachableCopy(dirname(installation.binDirectory)), 'bin');
}
