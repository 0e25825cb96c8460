/** What is done to a storage before which a network is bad: objects are pushed, fetched and removed. */
import { collect, type ByteSource } from '../src/bytes/stage.ts';
import { pushObject } from '../src/pipeline/push-object.ts';
import { readDecoded, storedKey, type Transport } from '../src/pipeline/transport.ts';
import { ObjectExistsError } from '../src/storage/errors.ts';
import { hurriedClock } from './fault-stores.ts';

/** What is done: three objects are written, the second of which is there already; or three are found and read; or removed. */
export type Errand = 'push' | 'fetch' | 'remove';

/** Bytes of which a codec makes about as many. */
export function madeBytes(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** What is there when an errand begins. */
export const small = madeBytes(40_000, 1);
/** What takes its place. */
export const longer = madeBytes(60_000, 2);

/** How a step of an errand ended. */
export interface Outcome {
  readonly step: string;
  readonly error?: unknown;
  /** Of a success that is none. */
  readonly wrong?: string | undefined;
}

/**
 * Does an errand, and goes on with the next step when one fails.
 *
 * @param large of an object that is stored in several parts
 */
export async function doErrand(errand: Errand, transport: Transport, large: Buffer): Promise<readonly Outcome[]> {
  const { storage } = transport;
  const push = (name: string, ifAbsent: boolean): Promise<Outcome> =>
    outcomeOf(name, async () => {
      try {
        const bytes = bytesOf(name, large);
        await pushObject(transport, name, () => inChunks(bytes), { ifAbsent, clock: hurriedClock });
      } catch (error) {
        // It is for whoever pushes to compare.
        if (!(error instanceof ObjectExistsError)) throw error;
      }
      return undefined;
    });
  const read = (name: string, bytes: Buffer): Promise<Outcome> =>
    outcomeOf(`read of ${name}`, async () => {
      const got = await collect(await readDecoded(transport, storedKey(transport, `f/${name}`)));
      return got.equals(bytes) ? undefined : `${got.length} bytes, which are not those of the object`;
    });
  switch (errand) {
    case 'push':
      return [await push('small', true), await push('replaced', false), await push('large', true)];
    case 'fetch':
      return [
        await outcomeOf('listing', async () => {
          const keys: string[] = [];
          for await (const { key } of storage.list('f', { recursive: true })) keys.push(key);
          const wanted = ['f/large', 'f/other', 'f/small'].map((key) => storedKey(transport, key));
          return keys.sort().join() === wanted.join() ? undefined : `it is ${keys.join()}`;
        }),
        await outcomeOf('stat', async () => {
          const found = await storage.stat(storedKey(transport, 'f/small'));
          return found === undefined ? 'it was said to be missing' : undefined;
        }),
        await read('small', small),
        await read('large', large),
      ];
    case 'remove':
      return [
        await outcomeOf('deletion', async () => {
          await storage.delete(['f/small', 'f/large', 'f/other'].map((key) => storedKey(transport, key)));
          return undefined;
        }),
      ];
  }
}

async function outcomeOf(step: string, act: () => Promise<string | undefined>): Promise<Outcome> {
  try {
    return { step, wrong: await act() };
  } catch (error) {
    return { step, error };
  }
}

/** What a step of a push writes. */
export function bytesOf(step: string, large: Buffer): Buffer {
  return step === 'small' ? small : step === 'replaced' ? longer : large;
}

async function* inChunks(bytes: Buffer): ByteSource {
  for (let at = 0; at < bytes.length; at += 300_000) yield await Promise.resolve(bytes.subarray(at, at + 300_000));
}
