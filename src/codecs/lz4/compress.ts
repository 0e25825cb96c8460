/** Writes one LZ4 frame: {@link writtenHeader}, blocks, end mark, checksum of the plaintext. */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { acquireEngine, ownBytes, packedBound, releaseEngine, slackBytes } from './engine.ts';
import { blockBytes, storedBlockFlag, writtenHeader } from './frame.ts';

const trailerBytes = 8;
/** Output is handed on once this much has come together. */
const flushBytes = 256 << 10;
/** Input is taken over in pieces that are still in the cache when they are hashed. */
const pieceBytes = 256 << 10;
/** From here on help is worth its start: beyond a segment of WAL, a binlog, most parts of backups. */
const blocksWithoutHelp = 64;

const plainAt = ownBytes;
const packedAt = plainAt + blockBytes + slackBytes;
const memoryBytes = packedAt + flushBytes + 4 + packedBound(blockBytes) + slackBytes + trailerBytes;

/** Compresses a stream into one frame, readable by `lz4 -d` and WAL-G. An empty stream gives 15 bytes. */
export const compressLz4: Stage = compressingLz4(0);

/**
 * The same, and long streams with the help of threads: what comes out is the same.
 *
 * @param helpers how many, all such streams together; 0: everything is done in the calling thread
 */
export function compressingLz4(helpers: number): Stage {
  return async function* (source): ByteSource {
    const engine = await acquireEngine();
    const reader = new ByteReader(source);
    try {
      engine.reserve(memoryBytes);
      const { bytes, hashing } = engine;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      let mayBeHelped = helpers > 0 && hashing !== undefined;
      let blocks = 0;
      let gathered = 0;
      let end = packedAt;

      const take = (piece: Uint8Array): void => {
        bytes.set(piece, plainAt + gathered);
        engine.hashUpdate(plainAt + gathered, piece.length);
        gathered += piece.length;
      };
      const addBlock = (): void => {
        const packed = engine.compress(plainAt, gathered, end + 4);
        const stored = packed >= gathered;
        if (stored) bytes.copyWithin(end + 4, plainAt, plainAt + gathered);
        view.setUint32(end, stored ? gathered + storedBlockFlag : packed, true);
        end += 4 + (stored ? gathered : packed);
        gathered = 0;
        blocks += 1;
      };

      engine.hashStart();
      bytes.set(writtenHeader, end);
      end += writtenHeader.length;
      for (;;) {
        const wanted = Math.min(pieceBytes, blockBytes - gathered);
        const piece = reader.takeSome(wanted) ?? (await reader.readSome(wanted));
        if (piece === undefined) break;
        take(piece);
        if (gathered < blockBytes) continue;
        addBlock();
        if (end - packedAt < flushBytes) continue;
        yield bytes.subarray(packedAt, end);
        end = packedAt;
        if (!mayBeHelped || blocks < blocksWithoutHelp || hashing === undefined) continue;
        const { compressSideBySide } = await import('./compress-side-by-side.ts');
        const rest = yield* compressSideBySide(reader, { blocks, lanes: hashing.lanes() }, helpers);
        mayBeHelped = false;
        if (rest === undefined) continue;
        hashing.resume(rest.lanes, rest.blocks * blockBytes);
        if (rest.plain.length > 0) take(rest.plain);
      }
      if (gathered > 0) addBlock();
      view.setUint32(end, 0, true);
      view.setUint32(end + 4, engine.hashDigest(), true);
      yield bytes.subarray(packedAt, end + trailerBytes);
    } finally {
      releaseEngine(engine);
      await reader.close();
    }
  };
}
