/** Encryption of objects, the outermost layer. Nothing in an object's name tells that it is encrypted. */
import type { Stage } from '../bytes/stage.ts';

/** One way of encrypting, with its keys. Each stream gets a fresh session key. */
export interface Crypter {
  readonly name: string;
  readonly encrypt: Stage;
  /** Ends with a `CorruptError` when the stream is cut or was changed, with a `forbidden` error for a wrong key. */
  readonly decrypt: Stage;
}
