/** Servers that `scripts/test-peers.sh` builds by Go, for `make test-peers`. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where such a program is; undefined when it was not built. */
export function goProgram(name: string): string | undefined {
  const path = join(resolve(import.meta.dirname, '..', '..'), '.cache', 'go', 'bin', name);
  return existsSync(path) ? path : undefined;
}
