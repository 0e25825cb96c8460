/**
 * Compiles the sources in `assembly/` into the modules that hold them.
 *
 *   node scripts/build-wasm.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileWasm, wasmSources, wasmModulePath } from './compile-wasm.ts';

const root = join(import.meta.dirname, '..');

for (const name of wasmSources) writeFileSync(join(root, wasmModulePath(name)), await compileWasm(root, name));
