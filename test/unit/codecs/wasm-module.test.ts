import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { compileWasm, wasmSources, wasmModulePath } from '../../../scripts/compile-wasm.ts';

const root = resolve(import.meta.dirname, '../../..');

it.each(wasmSources)(
  'the WebAssembly module is what assembly/%s.ts compiles to (else run: node scripts/build-wasm.ts)',
  async (name) => {
    expect(readFileSync(join(root, wasmModulePath(name)), 'utf8')).toBe(await compileWasm(root, name));
  },
  60_000,
);
