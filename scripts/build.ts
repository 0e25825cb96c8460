/**
 * Makes `dist/walvault` (a launcher in POSIX sh) and `dist/lib/` (Node, bundles, the native part of lz4-napi).
 *
 * The bundles are ES modules split by esbuild, so that each command loads what it needs and every class exists once, and
 * then turned into CommonJS, file by file: Node starts those faster (see `docs/adr/0001-runtime.md`).
 *
 *   node scripts/build.ts [folder]
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { build, transform } from 'esbuild';

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

async function bundle(): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts', 'src/worker.ts'],
    outdir: lib,
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.15',
    minifySyntax: true,
    minifyWhitespace: true,
    // Found in dist/lib/node_modules, in a form that does not look for its platform at every start.
    external: ['lz4-napi', 'pg-native'],
    define: { walvaultBuild: JSON.stringify(buildFacts()) },
    write: false,
    logLevel: 'warning',
  });
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: 'node22.15',
      supported: { 'dynamic-import': false },
      minifyWhitespace: true,
      define: { 'import.meta.url': 'importMetaUrl' },
      banner: text.includes('import.meta.url')
        ? "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;"
        : '',
    });
    writeFileSync(join(lib, basename(path)), code);
  }
  writeFileSync(join(lib, 'package.json'), '{"type":"commonjs"}\n');
}

/** A hard link where the file system allows it: Node is 120 MB. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** lz4-napi's own entry tries names of platforms; here there is one file. */
function installLz4(): void {
  const requireFrom = createRequire(import.meta.url);
  const folder = join(lib, 'node_modules', 'lz4-napi');
  mkdirSync(folder, { recursive: true });
  const entry = requireFrom.resolve('lz4-napi');
  requireFrom('lz4-napi');
  const loaded = Object.keys(requireFrom.cache).find((path) => path.endsWith('.node') && path.includes('lz4-napi'));
  if (loaded === undefined) throw new Error(`lz4-napi has no native part for this platform: ${entry}`);
  copyFileSync(loaded, join(folder, 'lz4.node'));
  writeFileSync(join(folder, 'index.js'), "module.exports=require('./lz4.node');\n");
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
  await bundle();
  linkOrCopy(process.execPath, join(lib, 'node'));
  installLz4();
  installLauncher();
  replace();
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
const files = readdirSync(join(target, 'lib')).filter((name) => name.endsWith('.js'));
const bytes = files.reduce((sum, name) => sum + readFileSync(join(target, 'lib', name)).length, 0);
process.stdout.write(`${target}/walvault: ${files.length} bundles, ${Math.round(bytes / 1024)} KiB of code\n`);
