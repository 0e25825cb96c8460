/** Bytes that are written and read back: of any length, not compressible, and known by their hash. */
import { createHash, randomBytes } from 'node:crypto';
import type { ByteSource } from '../../bytes/stage.ts';

/** Bytes to write. */
export interface Sample {
  readonly sizeBytes: number;
  /** From the beginning, any number of times. */
  bytes(): ByteSource;
  /** SHA-256, in hex. */
  readonly hash: string;
}

const blockBytes = 256 * 1024;

/** Makes a sample. The blocks differ, so that parts in the wrong order are noticed. */
export function makeSample(sizeBytes: number): Sample {
  const block = randomBytes(Math.min(blockBytes, Math.max(8, sizeBytes)));

  function* blocks(): Generator<Uint8Array> {
    const lent = Buffer.from(block);
    for (let at = 0, index = 0; at < sizeBytes; at += lent.length, index += 1) {
      lent.writeUInt32LE(index, 0);
      yield lent.subarray(0, Math.min(lent.length, sizeBytes - at));
    }
  }

  const hash = createHash('sha256');
  for (const one of blocks()) hash.update(one);
  return {
    sizeBytes,
    hash: hash.digest('hex'),
    // eslint-disable-next-line @typescript-eslint/require-await -- nothing to wait for
    async *bytes() {
      yield* blocks();
    },
  };
}

/** What came back: how many bytes, and their hash. */
export async function hashOf(bytes: ByteSource): Promise<{ readonly sizeBytes: number; readonly hash: string }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.length;
    hash.update(chunk);
  }
  return { sizeBytes, hash: hash.digest('hex') };
}
