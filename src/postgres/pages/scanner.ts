/** Opens the page scanner that this Node can run. */
import type { PageScanner } from './page-scan.ts';
import { createPlainScanner } from './plain-scanner.ts';
import { createWasmScanner } from './wasm-scanner.ts';

/** Pages that are judged in one go: half a MiB, which stays in the second-level cache. */
export const pagesAtOnce = 64;

/** A scanner by WebAssembly, else in plain JavaScript. */
export function createPageScanner(): PageScanner {
  return createWasmScanner(pagesAtOnce) ?? createPlainScanner(pagesAtOnce);
}
