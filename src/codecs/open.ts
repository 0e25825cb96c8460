/** Finds the codec for a method name or for an object's suffix. Each is loaded when it is first asked for. */
import { ArchiverError } from '../errors.ts';
import type { Codec, CodecName } from './codec.ts';

/** Suffixes of compressed objects, in the order in which they are worth looking for; a bare name comes after them. */
export const readableExtensions = ['lz4', 'br', 'zst', 'lzma', 'gz', 'lzo'] as const;

const methodOfExtension: Readonly<Record<(typeof readableExtensions)[number], string>> = {
  lz4: 'lz4',
  br: 'brotli',
  zst: 'zstd',
  lzma: 'lzma',
  gz: 'gzip',
  lzo: 'lzo',
};

/**
 * The codec of a compression method.
 *
 * @throws ArchiverError (kind `config`) for methods that this version doesn't have
 */
export async function openCodec(name: CodecName): Promise<Codec> {
  switch (name) {
    case 'lz4':
      return (await import('./lz4/codec.ts')).lz4Codec;
    case 'none':
      return (await import('./none.ts')).noneCodec;
    case 'lzma':
    case 'brotli':
    case 'zstd':
      throw new ArchiverError('config', `compression method "${name}" is not in this version`, {
        hint: 'Set WALG_COMPRESSION_METHOD to lz4 or none.',
      });
  }
}

/**
 * The codec that reads an object: by the text after the last dot of its key; anything but a known suffix (`tar`,
 * `history`, none …) means that it is not compressed.
 *
 * @throws ArchiverError (kind `config`) for compressed objects that this version can't read
 */
export async function codecForKey(key: string): Promise<Codec> {
  const extension = extensionOf(key);
  if (extension === undefined) return openCodec('none');
  if (extension === 'lz4') return openCodec('lz4');
  throw new ArchiverError(
    'config',
    `"${key}" is compressed with ${methodOfExtension[extension]}, which this version can't read`,
    {
      hint: 'Use WAL-G, or a later version of this program, to read it.',
    },
  );
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
