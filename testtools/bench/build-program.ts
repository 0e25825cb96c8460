/** Node takes TypeScript as it is, but that takes time and memory: programs that are measured are bundled. */
import { build } from 'esbuild';
import { root } from './report.ts';

/** Bundles `testtools/bench/<name>.ts` into `<folder>/<name>.mjs`; packages are taken from `node_modules`. */
export async function buildProgram(name: string, folder: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [`testtools/bench/${name}.ts`],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.15',
    packages: 'external',
    logLevel: 'warning',
  });
}
