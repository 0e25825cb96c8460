/** Makes instances of the compiled routines, each with a memory of its own. */

/** Declared here since no types of it come without those of browsers. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports?: object) => { readonly exports: unknown };
  readonly Memory: new (size: object) => SharedWasmMemory;
}

/** A memory that threads share. It can be posted to them. */
export interface SharedWasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** Compiled routines. They can be posted to threads. */
export type WasmModule = object;

const compiled = new Map<string, WasmModule>();
const pageBytes = 64 << 10;

/**
 * A new instance.
 *
 * @param base64 the module; compiled once
 * @returns what it exports
 * @throws Error where there is no WebAssembly, or no address space for the memory
 */
export function instantiate(base64: string): unknown {
  const module = compiled.get(base64) ?? compileModule(base64);
  compiled.set(base64, module);
  return new (webAssembly().Instance)(module).exports;
}

/** Compiles a module. @throws Error where there is no WebAssembly */
export function compileModule(base64: string): WasmModule {
  return new (webAssembly().Module)(Buffer.from(base64, 'base64'));
}

/** A memory of at least so many bytes, which does not grow. @throws Error where there is no address space for it */
export function makeSharedMemory(sizeBytes: number): SharedWasmMemory {
  const pages = Math.ceil(sizeBytes / pageBytes);
  return new (webAssembly().Memory)({ initial: pages, maximum: pages, shared: true });
}

/** A new instance of a module that was compiled for a shared memory. @returns what it exports */
export function instantiateOn(module: WasmModule, memory: SharedWasmMemory): unknown {
  return new (webAssembly().Instance)(module, { env: { memory } }).exports;
}

function webAssembly(): WebAssemblyApi {
  const { WebAssembly: api } = globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi };
  if (api === undefined) throw new Error('this Node has no WebAssembly');
  return api;
}
