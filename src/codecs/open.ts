/** Finds the codec for a method name or for an object's suffix. Each is loaded when it is first asked for. */
import type { Codec, CodecName, Decoder } from './codec.ts';

/** Suffixes of compressed objects, in the order in which they are worth looking for; a bare name comes after them. */
export const readableExtensions = ['lz4', 'br', 'zst', 'lzma', 'gz', 'lzo'] as const;

/** How a codec writes. */
export interface CodecOptions {
  /** Level of a method that has levels; undefined: that of WAL-G. */
  readonly level?: number | undefined;
  /** Threads that may help with one stream where the format allows it; default none, all is done in the calling thread. */
  readonly helpers?: number | undefined;
}

/** The codec of a compression method; settings are checked by `chosenCompression`. */
export async function openCodec(name: CodecName, { level, helpers }: CodecOptions = {}): Promise<Codec> {
  switch (name) {
    case 'lz4':
      return (await import('./lz4/codec.ts')).helpedLz4Codec(helpers ?? 0);
    case 'none':
      return (await import('./none.ts')).noneCodec;
    case 'lzma':
      return (await import('./lzma/codec.ts')).lzmaCodec(level);
    case 'brotli':
      return (await import('./brotli/codec.ts')).brotliCodec(level);
    case 'zstd':
      return (await import('./zstd/codec.ts')).zstdCodec({ level, helpers });
  }
}

/**
 * What reads an object: by the text after the last dot of its key; anything but a known suffix (`tar`, `history`,
 * none …) means that it is not compressed.
 */
export async function codecForKey(key: string): Promise<Decoder> {
  switch (extensionOf(key)) {
    case undefined:
      return openCodec('none');
    case 'lz4':
      return openCodec('lz4');
    case 'br':
      return openCodec('brotli');
    case 'zst':
      return openCodec('zstd');
    case 'lzma':
      return openCodec('lzma');
    case 'gz':
      return { extension: 'gz', decompress: (await import('./gzip/decompress.ts')).decompressGzip };
    case 'lzo':
      return { extension: 'lzo', decompress: (await import('./lzo/decompress.ts')).decompressLzo };
  }
}

/** The logical name of an object: its key or name without the suffix of a codec. */
export function withoutExtension(key: string): string {
  const extension = extensionOf(key);
  return extension === undefined ? key : key.slice(0, -extension.length - 1);
}

function extensionOf(key: string): (typeof readableExtensions)[number] | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const suffix = name.slice(name.lastIndexOf('.') + 1);
  return readableExtensions.find((known) => known === suffix && name !== suffix);
}
