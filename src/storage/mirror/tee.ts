/**
 * One source for several readers, in step: the next chunk is asked for when all have done with the last one, so that a
 * lent chunk reaches all of them without a copy. What readers hold is their own business (`upload-buffers.ts`); none of
 * them waits for another there before it has taken a first part, so they cannot stop each other.
 */
import type { ByteSource } from '../../bytes/stage.ts';

/** One reader's side. */
export interface Branch {
  readonly body: ByteSource;
  /** This reader takes nothing more: the others go on without it. Again does nothing. */
  readonly leave: () => void;
}

/** A source with several readers. */
export interface Tee {
  readonly branches: readonly Branch[];
  /** What the source threw. */
  readonly failure: { readonly error: unknown } | undefined;
  /** The source has been closed, or read to its end. Resolves when all have left. */
  readonly closed: Promise<void>;
}

/** Options of {@link teeOf}. */
export interface TeeOptions {
  readonly readers: number;
  /** How long readers wait for others before `onLate` is told of these. */
  readonly patienceMs: number;
  /** Told the index of a reader that keeps others waiting; it may be made to leave. Told again while it still does. */
  readonly onLate: (reader: number) => void;
}

/** Divides a source. Nothing is read before every reader has asked, or left. */
export function teeOf(source: ByteSource, { readers, patienceMs, onLate }: TeeOptions): Tee {
  const iterator = source[Symbol.asyncIterator]();
  const present = new Set(Array.from({ length: readers }, (_, index) => index));
  const waiting = new Map<number, PromiseWithResolvers<IteratorResult<Uint8Array>>>();
  const closed = Promise.withResolvers<undefined>();
  let failure: Tee['failure'];
  let pulling = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    if (pulling) return;
    if (present.size === 0) {
      void close();
    } else if (waiting.size === present.size) {
      clearTimeout(timer);
      timer = undefined;
      pulling = true;
      void pull();
    } else if (waiting.size > 0) {
      timer ??= setTimeout(tellLate, patienceMs);
    } else {
      clearTimeout(timer);
      timer = undefined;
    }
  }

  function tellLate(): void {
    timer = undefined;
    for (const reader of [...present]) if (!waiting.has(reader)) onLate(reader);
    look();
  }

  async function pull(): Promise<void> {
    let result: IteratorResult<Uint8Array> | undefined;
    try {
      result = await iterator.next();
      ended = result.done === true;
    } catch (error) {
      failure = { error };
      ended = true;
    }
    pulling = false;
    const asking = [...waiting.values()];
    waiting.clear();
    for (const { resolve, reject } of asking) {
      if (result === undefined) reject(failure?.error);
      else resolve(result);
    }
    look();
  }

  async function close(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (!ended) {
      ended = true;
      // Whatever it throws now is of no interest: nobody reads it any more.
      await Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
    closed.resolve(undefined);
  }

  function branch(reader: number): Branch {
    function leave(): void {
      if (!present.delete(reader)) return;
      waiting.get(reader)?.resolve({ done: true, value: undefined });
      waiting.delete(reader);
      look();
    }
    const own: AsyncIterator<Uint8Array> = {
      next() {
        if (failure !== undefined) return rejected(failure.error);
        if (ended || !present.has(reader)) return Promise.resolve({ done: true, value: undefined });
        const answer = Promise.withResolvers<IteratorResult<Uint8Array>>();
        waiting.set(reader, answer);
        look();
        return answer.promise;
      },
      return() {
        leave();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    return { body: { [Symbol.asyncIterator]: () => own }, leave };
  }

  return {
    branches: Array.from({ length: readers }, (_, reader) => branch(reader)),
    get failure() {
      return failure;
    },
    closed: closed.promise,
  };
}

function rejected(error: unknown): Promise<never> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it is
  return Promise.reject(error);
}
