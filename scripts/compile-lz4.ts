/** From the AssemblyScript source of the lz4 routines to a TypeScript module that holds them as WebAssembly. */

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

/** @returns the text of `src/codecs/lz4/wasm-module.ts`; the same for the same source, wherever it is made */
export async function compileLz4(root: string): Promise<string> {
  let bytes: Uint8Array | undefined;
  let complaints = '';
  const compiler = (await import(compilerModule)) as Compiler;
  const { error } = await compiler.main(['assembly/lz4.ts', '--baseDir', root, '--outFile', 'lz4.wasm', ...options], {
    writeFile(_name, contents) {
      bytes = typeof contents === 'string' ? Buffer.from(contents) : contents;
    },
    stderr: {
      write(chunk) {
        complaints += String(chunk);
      },
    },
  });
  if (error !== null || complaints !== '' || bytes === undefined)
    throw new Error(`assembly/lz4.ts: ${complaints}`, { cause: error });
  return `/** Made of \`assembly/lz4.ts\` by \`scripts/build-wasm.ts\`; don't edit. */
export const wasmModule =
  '${Buffer.from(bytes).toString('base64')}';
`;
}
