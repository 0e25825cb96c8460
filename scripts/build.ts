/**
 * Makes `dist/walvault` (a launcher in POSIX sh) and `dist/lib/` (Node, bundles, native parts of packages).
 *
 *   node scripts/build.ts [folder]
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync } from 'node:fs';
import { renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundle } from './bundle.ts';
import { installNatives } from './natives.ts';
import { makeCodeCache } from './pack.ts';

const root = resolve(import.meta.dirname, '..');
const target = resolve(process.argv[2] ?? join(root, 'dist'));
const fresh = `${target}.new-${process.pid}`;
const lib = join(fresh, 'lib');

/** What the commit is called and when it was made; `devel` outside of a repository. */
function buildFacts(): { readonly revision: string; readonly date: string } {
  const git = (...args: readonly string[]): string => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return '';
    }
  };
  return {
    revision: git('rev-parse', '--short', 'HEAD') || 'devel',
    date: git('log', '-1', '--format=%cd', '--date=format:%Y.%m.%d_%H:%M:%S') || 'devel',
  };
}

/** A hard link where the file system allows it: Node is 120 MB. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

function installLauncher(): void {
  const launcher = join(fresh, 'walvault');
  copyFileSync(join(root, 'scripts', 'launcher.sh'), launcher);
  chmodSync(launcher, 0o755);
}

/** Puts the new folder in the place of the old one. Another build may do the same at the same moment: then again. */
function replace(): void {
  const old = `${target}.old-${process.pid}`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (existsSync(target)) renameSync(target, old);
      renameSync(fresh, target);
      break;
    } catch (error) {
      if (attempt === 10) throw error;
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }
}

rmSync(fresh, { recursive: true, force: true });
mkdirSync(lib, { recursive: true });
try {
  const { revision, date } = buildFacts();
  const sizes = await bundle({
    root,
    target: lib,
    define: { walvaultRevision: JSON.stringify(revision), walvaultDate: JSON.stringify(date) },
    external: ['pg-native'],
  });
  linkOrCopy(process.execPath, join(lib, 'node'));
  installNatives(lib);
  installLauncher();
  try {
    makeCodeCache(lib);
  } catch (error) {
    // The program works without; it only starts later.
    process.stderr.write(`no code cache: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  replace();
  const kibibytes = Math.round([...sizes.values()].reduce((sum, bytes) => sum + bytes, 0) / 1024);
  const hot = Math.round((sizes.get('program.js') ?? 0) / 1024);
  process.stdout.write(
    `${join(target, 'walvault')}: ${kibibytes} KiB of code, ${hot} KiB of it for the hot commands\n`,
  );
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
