import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { compileLz4 } from '../../../../scripts/compile-lz4.ts';

const root = resolve(import.meta.dirname, '../../../..');

it('the WebAssembly module is what assembly/lz4.ts compiles to (else run: node scripts/build-wasm.ts)', async () => {
  expect(readFileSync(join(root, 'src/codecs/lz4/wasm-module.ts'), 'utf8')).toBe(await compileLz4(root));
}, 60_000);
