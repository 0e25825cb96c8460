/**
 * Compiles `assembly/lz4.ts` into `src/codecs/lz4/wasm-module.ts`, or says whether that is up to date.
 *
 *   node scripts/build-wasm.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileLz4 } from './compile-lz4.ts';

const root = join(import.meta.dirname, '..');
const path = join(root, 'src/codecs/lz4/wasm-module.ts');
const text = await compileLz4(root);

if (process.argv[2] !== '--check') {
  writeFileSync(path, text);
} else if (readFileSync(path, 'utf8') !== text) {
  process.stderr.write('src/codecs/lz4/wasm-module.ts is not up to date; run: node scripts/build-wasm.ts\n');
  process.exitCode = 1;
}
