/** Writes one LZ4 frame: {@link writtenHeader}, blocks, end mark, checksum of the plaintext. */
import type { ByteSource } from '../../bytes/stage.ts';
import { acquireEngine, ownBytes, packedBound, releaseEngine, slackBytes } from './engine.ts';
import { storedBlockFlag, writtenHeader } from './frame.ts';

const blockBytes = 1 << 20;
const trailerBytes = 8;
/** Output is handed on once this much has come together. */
const flushBytes = 256 << 10;
/** Input is taken over in pieces that are still in the cache when they are hashed. */
const pieceBytes = 256 << 10;

const plainAt = ownBytes;
const packedAt = plainAt + blockBytes + slackBytes;
const memoryBytes = packedAt + flushBytes + 4 + packedBound(blockBytes) + slackBytes + trailerBytes;

/** Compresses a stream into one frame, readable by `lz4 -d` and WAL-G. An empty stream gives 15 bytes. */
export async function* compressLz4(source: ByteSource): ByteSource {
  const engine = await acquireEngine();
  try {
    engine.reserve(memoryBytes);
    const { bytes } = engine;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let gathered = 0;
    let end = packedAt;

    const addBlock = (): void => {
      const packed = engine.compress(plainAt, gathered, end + 4);
      const stored = packed >= gathered;
      if (stored) bytes.copyWithin(end + 4, plainAt, plainAt + gathered);
      view.setUint32(end, stored ? gathered + storedBlockFlag : packed, true);
      end += 4 + (stored ? gathered : packed);
      gathered = 0;
    };

    engine.hashStart();
    bytes.set(writtenHeader, end);
    end += writtenHeader.length;
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length;) {
        const piece = chunk.subarray(at, at + Math.min(pieceBytes, blockBytes - gathered));
        bytes.set(piece, plainAt + gathered);
        engine.hashUpdate(plainAt + gathered, piece.length);
        at += piece.length;
        gathered += piece.length;
        if (gathered < blockBytes) continue;
        addBlock();
        if (end - packedAt < flushBytes) continue;
        yield bytes.subarray(packedAt, end);
        end = packedAt;
      }
    }
    if (gathered > 0) addBlock();
    view.setUint32(end, 0, true);
    view.setUint32(end + 4, engine.hashDigest(), true);
    yield bytes.subarray(packedAt, end + trailerBytes);
  } finally {
    releaseEngine(engine);
  }
}
