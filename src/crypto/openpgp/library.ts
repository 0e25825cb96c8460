/** The package openpgp, loaded when a key is first needed: it costs every start some 50 ms. */
import type * as openpgp from 'openpgp';

/** Everything that the package exports. */
export type OpenPgpLibrary = typeof openpgp;

/** Loads it, once per process. */
export function loadLibrary(): Promise<OpenPgpLibrary> {
  return import('openpgp');
}

/** What the library says of an error, in our form: never its cause, which is pages of its own source. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const inner = text.replace(/^(?:Error [a-z ]+: )+/, '');
  return inner.charAt(0).toLowerCase() + inner.slice(1).replace(/\.$/, '');
}
