/** No compression: bytes as they are, no suffix. */
import type { Codec } from './codec.ts';

/** Passes bytes through. */
export const noneCodec: Codec = {
  name: 'none',
  extension: '',
  compress: (source) => source,
  decompress: (source) => source,
};
