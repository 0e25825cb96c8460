/** From AssemblyScript sources to TypeScript modules that hold them as WebAssembly. */

/** What is used of the compiler. Its own declarations bring AssemblyScript's globals, such as an `at` that never misses. */
interface Compiler {
  main(
    args: readonly string[],
    host: {
      writeFile(name: string, contents: Uint8Array | string): void;
      readonly stderr: { write(chunk: unknown): void };
    },
  ): Promise<{ readonly error: Error | null }>;
}

const compilerModule = 'assemblyscript/asc';

const options = ['-O3', '--noAssert', ...['--runtime', 'stub'], ...['--initialMemory', '1'], ...['--enable', 'simd']];

/** For a memory of at most 64 MiB that threads share. */
const sharedOptions = ['--importMemory', '--sharedMemory', ...['--maximumMemory', '1024'], ...['--enable', 'threads']];

/** What follows the name of a source in that of a module with {@link sharedOptions}. */
const sharedSuffix = '-shared';

/** The sources in `assembly/`, and where the modules made of them are, from the root. */
const modulePaths = {
  cfb: 'src/crypto/openpgp/message/wasm-module.ts',
  lz4: 'src/codecs/lz4/wasm-module.ts',
  'lz4-shared': 'src/codecs/lz4/shared-wasm-module.ts',
  'lzma-decoder': 'src/codecs/lzma/decoder-module.ts',
  'lzma-encoder': 'src/codecs/lzma/encoder-module.ts',
  pages: 'src/postgres/pages/wasm-module.ts',
  xxh64: 'src/postgres/in-place/xxh64-module.ts',
} as const;

/** Name of a module: that of a source in `assembly/`, without its suffix, and `-shared` for a memory that threads share. */
export type WasmSource = keyof typeof modulePaths;

/** All modules. */
export const wasmSources = Object.keys(modulePaths) as readonly WasmSource[];

/** Where a module is, from the root. */
export function wasmModulePath(name: WasmSource): string {
  return modulePaths[name];
}

/** @returns the text of that module; the same for the same source, wherever it is made */
export async function compileWasm(root: string, name: WasmSource): Promise<string> {
  let bytes: Uint8Array | undefined;
  let complaints = '';
  const compiler = (await import(compilerModule)) as Compiler;
  const isShared = name.endsWith(sharedSuffix);
  const source = `assembly/${isShared ? name.slice(0, -sharedSuffix.length) : name}.ts`;
  const flags = isShared ? [...options, ...sharedOptions] : options;
  const { error } = await compiler.main([source, '--baseDir', root, '--outFile', `${name}.wasm`, ...flags], {
    writeFile(_path, contents) {
      bytes = typeof contents === 'string' ? Buffer.from(contents) : contents;
    },
    stderr: {
      write(chunk) {
        complaints += String(chunk);
      },
    },
  });
  if (error !== null || complaints !== '' || bytes === undefined)
    throw new Error(`${source}: ${complaints}`, { cause: error });
  return `/** Made of \`${source}\` by \`scripts/build-wasm.ts\`; don't edit. */
export const wasmModule =
  '${Buffer.from(bytes).toString('base64')}';
`;
}
