/** Makes instances of the compiled routines, each with a memory of its own. */

/** Declared here since no types of it come without those of browsers. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const compiled = new Map<string, object>();

/**
 * A new instance.
 *
 * @param base64 the module; compiled once
 * @returns what it exports
 * @throws Error where there is no WebAssembly, or no address space for the memory
 */
export function instantiate(base64: string): unknown {
  const { WebAssembly: api } = globalThis as unknown as { readonly WebAssembly?: WebAssemblyApi };
  if (api === undefined) throw new Error('this Node has no WebAssembly');
  const module = compiled.get(base64) ?? new api.Module(Buffer.from(base64, 'base64'));
  compiled.set(base64, module);
  return new api.Instance(module).exports;
}
