/** Cuts a body into parts that are held: what uploads in parts have in common. */
import type { ByteSource } from '../bytes/stage.ts';
import type { PartBuffer } from './upload-buffers.ts';

/** A body that is being cut. Disposing closes it, wherever it stands. */
export interface PartReader extends AsyncDisposable {
  /** Puts bytes in until the part is full or the body ends. @throws what the body throws; the reason of the signal */
  fill(part: PartBuffer): Promise<void>;
  /** Whether nothing is left; that may mean waiting for the next chunk. */
  atEnd(): Promise<boolean>;
}

/** Begins to read a body when the first part is filled. An aborted signal ends also a wait for the body. */
export function openPartReader(body: ByteSource, signal: AbortSignal): PartReader {
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let rest: Uint8Array = new Uint8Array();
  let ended = false;
  let waiting = false;

  /** Not a race with one promise for all chunks: that would remember every one of them. */
  async function next(source: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<undefined>();
    const callOff = (): void => {
      aborted.resolve(undefined);
    };
    signal.addEventListener('abort', callOff, { once: true });
    waiting = true;
    const coming = source.next().then(
      (result) => {
        waiting = false;
        return result;
      },
      (error: unknown) => {
        waiting = false;
        // A source that failed has closed itself.
        ended = true;
        throw error;
      },
    );
    try {
      const result = await Promise.race([coming, aborted.promise]);
      signal.throwIfAborted();
      if (result !== undefined) return result;
      throw new Error('neither a chunk nor an end');
    } catch (error) {
      coming.catch(() => undefined);
      throw error;
    } finally {
      signal.removeEventListener('abort', callOff);
    }
  }

  async function more(): Promise<boolean> {
    chunks ??= body[Symbol.asyncIterator]();
    while (rest.length === 0 && !ended) {
      const result = await next(chunks);
      if (result.done === true) ended = true;
      else rest = result.value;
    }
    return rest.length > 0;
  }

  return {
    async fill(part) {
      while (!part.full && (await more())) rest = rest.subarray(part.append(rest));
    },
    async atEnd() {
      return !(await more());
    },
    async [Symbol.asyncDispose]() {
      if (ended || chunks?.return === undefined) return;
      ended = true;
      const closed = chunks.return();
      // A generator that waits for its next chunk closes after that, which may be never.
      if (waiting) closed.catch(() => undefined);
      else await closed;
    },
  };
}
