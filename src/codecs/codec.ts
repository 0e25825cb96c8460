/** Compression methods: what each one is called, which suffix its objects have, and its two stages. */
import type { Stage } from '../bytes/stage.ts';

/** Methods that objects can be written with (`WALG_COMPRESSION_METHOD`). */
export type CodecName = 'lz4' | 'lzma' | 'brotli' | 'zstd' | 'none';

/** What reads the objects of one suffix. */
export interface Decoder {
  /** Suffix of objects, without the dot; empty for `none`. */
  readonly extension: string;
  /** Ends with a `CorruptError` when the stream is malformed, cut short, or fails its checksum. */
  readonly decompress: Stage;
}

/** One compression method. Stages are fresh for each stream: nothing is shared between objects. */
export interface Codec extends Decoder {
  readonly name: CodecName;
  readonly compress: Stage;
}
