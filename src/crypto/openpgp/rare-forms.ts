/** Messages that only the library reads (AEAD): SEIPD version 2, and tag 20 of GnuPG. */
import type { SessionKey } from 'openpgp';
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { reasonOf } from './library.ts';
import { ciphers, openKey, type Opener } from './open-session.ts';

/** Decrypts a whole message. The library checks each piece before it hands it on, and at the end that all were there. */
export async function* decryptByLibrary(opener: Opener, source: ByteSource): ByteSource {
  const { library } = opener;
  const input = new Input(source);
  try {
    const message = await library.readMessage({ binaryMessage: input.stream });
    const { tag } = library.PublicKeyEncryptedSessionKeyPacket;
    const { algorithm, key } = await openKey(opener, message.packets.filterByTag(tag));
    // Version 6 leaves the cipher to the encrypted data, which the library takes from there, though it doesn't declare so.
    const name = algorithm === null ? null : ciphers[algorithm];
    const sessionKeys = { data: key, algorithm: name } as SessionKey;
    const decrypted: unknown = await library.decrypt({ message, sessionKeys, format: 'binary' });
    yield* (decrypted as { readonly data: ByteSource }).data;
  } catch (error) {
    if (input.failure !== undefined) throw input.failure.error;
    if (error instanceof ArchiverError) throw error;
    throw new CorruptError(`the OpenPGP message can't be decrypted: ${reasonOf(error)}`);
  } finally {
    await input.end();
  }
}

/** A source as a stream of the web; its chunks are copied, since the library keeps some. */
class Input {
  readonly stream: ReadableStream<Uint8Array>;
  failure: { readonly error: unknown } | undefined;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(source: ByteSource) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller) },
      { highWaterMark: 0 },
    );
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const next = await this.#chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(Uint8Array.from(next.value));
    } catch (error) {
      this.failure = { error };
      controller.error(error);
    }
  }

  async end(): Promise<void> {
    await this.#chunks.return?.();
  }
}
