/**
 * Bundles the program into CommonJS files that start fast.
 *
 * esbuild splits ES modules by what is imported when, so that each command loads what it needs and every class exists
 * once. Each file is then turned into CommonJS, which Node starts in less time, and the files that the hot commands load
 * are packed into `program.js` (see `pack.ts`), since every file costs half a millisecond; what `binlog-push` loads beside
 * them, into `binlogs.js`. The others stay files of their own.
 */
import { writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { build, transform, type Metafile, type Plugin } from 'esbuild';
import { characterSetsEntry, slimMysqlDriver } from './mysql-driver.ts';
import { nativeFiles } from './natives.ts';
import { packedProgram, secondStarter, starter } from './pack.ts';

/** What `wal-push` and `wal-fetch` load; what these import at once comes along. */
const hotModules = [
  'src/main.ts',
  'src/app/transport.ts',
  'src/codecs/lz4/codec.ts',
  'src/codecs/none.ts',
  'src/commands/postgres/wal-fetch.ts',
  'src/commands/postgres/wal-push.ts',
  'src/storage/file/file-storage.ts',
  'src/storage/s3/open.ts',
];

/** What a `binlog-push` from cron loads that mostly finds nothing new: the command, and the connection to the server. */
const binlogModules = ['src/commands/mysql/binlog-push.ts', 'src/mysql/server/connect.ts', 'mysql-driver:mysql2'];

/** How to bundle. */
export interface BundleOptions {
  readonly root: string;
  /** The folder to write to; it exists. */
  readonly target: string;
  /** Global constants by name, for the program. */
  readonly define: Readonly<Record<string, string>>;
  /** Packages that are found at run time. */
  readonly external: readonly string[];
}

/** Writes `main.js`, the entries of threads and the files that they load later. @returns their sizes in bytes, by name */
export async function bundle({ root, target, define, external }: BundleOptions): Promise<ReadonlyMap<string, number>> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      main: 'src/main.ts',
      worker: 'src/worker.ts',
      'lz4-thread': 'src/codecs/lz4/block-thread.ts',
      [characterSetsEntry]: 'iconv-lite',
    },
    outdir: target,
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.15',
    minifySyntax: true,
    minifyWhitespace: true,
    external: [...external],
    plugins: [plainRequire(root), slimMysqlDriver(root)],
    define: { ...define },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  const codes = new Map<string, string>();
  for (const { path, text } of outputFiles) codes.set(basename(path), await commonJs(text));

  const folder = relative(root, target);
  const hot = filesOf(hotModules, metafile, folder);
  const binlogs = new Set([...filesOf(binlogModules, metafile, folder)].filter((name) => !hot.has(name)));
  const codesOf = (names: ReadonlySet<string>): ReadonlyMap<string, string> =>
    new Map([...codes].filter(([name]) => names.has(name)).map(([name, code]) => [renamed(name), code]));
  const sizes = new Map<string, number>();
  const write = (name: string, code: string): void => {
    writeFileSync(join(target, name), code);
    sizes.set(name, Buffer.byteLength(code));
  };
  const forward = (pack: string, name: string): void => {
    write(name, `module.exports=require("./${pack}")(${JSON.stringify(name)});\n`);
  };
  for (const [name, code] of codes) {
    if (binlogs.has(name)) forward('binlogs.js', name);
    else if (!hot.has(name)) write(name, code);
    else if (name !== 'main.js') forward('main.js', name);
  }
  write('program.js', packedProgram(codesOf(hot)));
  write('main.js', starter);
  write('binlogs-program.js', packedProgram(codesOf(binlogs)));
  write('binlogs.js', secondStarter);
  write('package.json', '{"type":"commonjs"}\n');
  return sizes;
}

/** `main.js` is the name of the starter; nothing requires the packed one. */
function renamed(name: string): string {
  return name === 'main.js' ? 'program-main.js' : name;
}

/**
 * What is bundled is CommonJS in the end: `createRequire` needs no `node:module`, which costs every start half a
 * millisecond, and native parts lie beside the bundles.
 */
function plainRequire(root: string): Plugin {
  return {
    name: 'plain-require',
    setup(building) {
      building.onResolve({ filter: /^node:module$/ }, ({ importer }) =>
        importer.startsWith(join(root, 'src')) ? { path: 'node:module', namespace: 'plain-require' } : undefined,
      );
      building.onLoad({ filter: /.*/, namespace: 'plain-require' }, () => ({
        contents: `const natives = ${JSON.stringify(nativeFiles)};
          export const createRequire = () => (name) => plainRequire(name in natives ? './' + natives[name] : name);`,
      }));
      // What ssh2 would have its install script compile; without, it does the same with Node's own ciphers. And what the SDK
      // of Azure would read listings in a format of Apache Arrow by, which it is never asked for: a megabyte.
      building.onResolve({ filter: /^cpu-features$|[\\/]sshcrypto\.node$|^apache-arrow$/ }, ({ path }) => ({
        path,
        namespace: 'left-out',
      }));
      building.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not in this program`)})`,
      }));
      // The layer of JavaScript over the native part looks for it in its own package.
      building.onLoad({ filter: /[\\/]sodium-native[\\/]binding\.js$/ }, () => ({
        contents: `module.exports = plainRequire('./${nativeFiles['sodium-native']}')`,
      }));
    },
  };
}

async function commonJs(text: string): Promise<string> {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node22.15',
    supported: { 'dynamic-import': false },
    minifyWhitespace: true,
    define: { 'import.meta.url': 'importMetaUrl', plainRequire: 'require' },
    banner: text.includes('import.meta.url')
      ? "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;"
      : '',
  });
  return code;
}

/** The files made of these modules, and those that these import at once. @throws Error when there is no such module */
function filesOf(modules: readonly string[], { outputs }: Metafile, folder: string): ReadonlySet<string> {
  const paths = Object.keys(outputs);
  const found = new Set(
    modules.map((module) => {
      const path = paths.find((candidate) => outputs[candidate]?.entryPoint === module);
      if (path === undefined) throw new Error(`"${module}" is loaded by no import()`);
      return path;
    }),
  );
  for (const path of found) {
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement' && dirname(imported) === folder) found.add(imported);
    }
  }
  return new Set([...found].map((path) => basename(path)));
}
