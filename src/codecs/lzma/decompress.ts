/** Reads LZMA-alone streams (`.lzma`). */
import { createRequire } from 'node:module';
import type * as napiRsLzma from '@napi-rs/lzma';
import type { ByteSource } from '../../bytes/stage.ts';
import { CorruptError } from '../../errors.ts';

/** Decompresses one stream. Ends with CorruptError when it is malformed or cut short. */
export async function* decompressLzma(source: ByteSource): ByteSource {
  const { LzmaDecompressor } = createRequire(import.meta.url)('@napi-rs/lzma') as typeof napiRsLzma;
  const decoder = new LzmaDecompressor();
  for await (const chunk of source) {
    const plain = decode(() => decoder.update(chunk));
    if (plain.length > 0) yield plain;
  }
  const rest = await decoder.finish().catch((cause: unknown) => {
    throw new CorruptError('malformed lzma stream', { cause });
  });
  if (rest.length > 0) yield rest;
}

function decode(step: () => Buffer): Buffer {
  try {
    return step();
  } catch (cause) {
    throw new CorruptError('malformed lzma stream', { cause });
  }
}
