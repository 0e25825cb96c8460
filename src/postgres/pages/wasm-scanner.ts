/** The scanner made of `assembly/pages.ts`, at the speed of memory. */
import { instantiate } from '../../platform/web-assembly.ts';
import { pageBytes, type PageScanner } from './page-scan.ts';
import { wasmModule } from './wasm-module.ts';

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  scan(
    pages: number,
    count: number,
    pageBytes: number,
    since: bigint,
    block: number,
    withChecksums: number,
    verdicts: number,
  ): void;
}

const memoryPageBytes = 64 << 10;
/** The module keeps what it needs below. */
const verdictsAt = 1024;

/**
 * @param pagesAtOnce how many pages its memory holds
 * @returns undefined where there is no WebAssembly with SIMD, or no address space for its memory
 */
export function createWasmScanner(pagesAtOnce: number): PageScanner | undefined {
  let routines: Exports;
  const pagesAt = Math.ceil((verdictsAt + pagesAtOnce) / pageBytes) * pageBytes;
  const endAt = pagesAt + pagesAtOnce * pageBytes;
  try {
    routines = instantiate(wasmModule) as Exports;
    routines.memory.grow(Math.ceil((endAt - routines.memory.buffer.byteLength) / memoryPageBytes));
  } catch {
    return undefined;
  }
  const memory = new Uint8Array(routines.memory.buffer);
  return {
    bytes: memory.subarray(pagesAt, endAt),
    scan(pages, { since, firstBlock, withChecksums }) {
      routines.scan(pagesAt, pages, pageBytes, since, firstBlock, withChecksums ? 1 : 0, verdictsAt);
      return memory.subarray(verdictsAt, verdictsAt + pages);
    },
  };
}
