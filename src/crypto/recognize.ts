/**
 * Finds out that an object is encrypted when no key is set that could tell. OpenPGP messages say so themselves; the other
 * formats look like noise.
 */
import { readMessageHead } from './openpgp/message-head.ts';

/** An object that is certainly an OpenPGP message. */
export interface RecognizedMessage {
  /** Key ids in upper-case hex; empty for a passphrase, and for hidden recipients. */
  readonly recipients: readonly string[];
}

/**
 * Recognizes an OpenPGP message by the packets at its beginning: session keys, then what they encrypt.
 *
 * @param head the first bytes of the object, 16 KiB or all of it
 * @returns undefined when it is none
 */
export async function recognizeMessage(head: Uint8Array): Promise<RecognizedMessage | undefined> {
  const { encrypted, recipients } = await readMessageHead(head);
  return encrypted === true ? { recipients } : undefined;
}
