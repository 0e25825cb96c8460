/** Sources for tests of stages: they lend their chunks, as real ones do, and can break off. */
import { spawnSync } from 'node:child_process';
import type { ByteSource } from '../src/bytes/stage.ts';

/** Bytes in chunks of one length, in one buffer that is overwritten before each next chunk: who keeps a chunk is found out. */
export function lending(
  bytes: Uint8Array,
  chunkBytes = 1000,
): ByteSource & { readonly ended: () => boolean; readonly lent: () => number } {
  let ended = false;
  let lent = 0;
  async function* chunks(): ByteSource {
    const buffer = new Uint8Array(chunkBytes);
    try {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const part = bytes.subarray(at, at + chunkBytes);
        buffer.set(part);
        lent += part.length;
        yield buffer.subarray(0, part.length);
        await Promise.resolve();
        buffer.fill(0xee);
      }
    } finally {
      ended = true;
    }
  }
  return { [Symbol.asyncIterator]: () => chunks()[Symbol.asyncIterator](), ended: () => ended, lent: () => lent };
}

/** Bytes in chunks that begin at some places, in any order; lent as those of {@link lending}. */
export async function* cutAt(bytes: Uint8Array, places: readonly number[]): ByteSource {
  const buffer = new Uint8Array(bytes.length);
  let from = 0;
  for (const end of [...places].sort((a, b) => a - b).concat(bytes.length)) {
    const part = bytes.subarray(from, end);
    buffer.set(part);
    yield buffer.subarray(0, part.length);
    await Promise.resolve();
    buffer.fill(0xee, 0, part.length);
    from = Math.max(from, end);
  }
}

/** The beginning of a source, then an error. */
export async function* breaking(bytes: Uint8Array, error: Error): ByteSource {
  yield* lending(bytes);
  throw error;
}

/** Bytes that compress a little, as pages of a database do; the same for the same seed. */
export function madeBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  const next = randomNumbers(seed);
  for (let at = 0; at < length;) {
    const run = Math.min(length - at, 1 + (next() % 90));
    const kind = next() % 4;
    if (kind === 0) at += run;
    else if (kind === 1 && at > 0) {
      const from = at - 1 - (next() % Math.min(at, 70_000));
      for (let done = 0; done < run; done += 1) bytes[at + done] = bytes[from + done] ?? 0;
      at += run;
    } else {
      for (let done = 0; done < run; done += 1) bytes[at + done] = kind === 2 ? next() : 0x61 + (next() % 6);
      at += run;
    }
  }
  return bytes;
}

/** Bytes without any pattern; the same for the same seed. */
export function noise(length: number, seed = 1): Buffer {
  const next = randomNumbers(seed);
  return Buffer.from(Uint8Array.from({ length }, next));
}

/** Numbers below 2^24 (xorshift). */
function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) >>> 8;
  };
}

/** Whether a program is there. Where it must be (CI), its absence is an error. */
export function hasProgram(name: string): boolean {
  const found = spawnSync(name, ['--version']).error === undefined;
  if (!found && process.env['CI'] === 'true') throw new Error(`${name} must be installed in CI`);
  return found;
}
