/**
 * Two partial segments of one name: what a promoted server archives of the timeline that it left, and what `wal-receive`
 * has stored of it. The WAL in both is the same as far as it goes; behind it are zeros, or what the file held before.
 */
import type { ByteSource } from '../../bytes/stage.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';

/** `less`: the archived one is the beginning of the file, then zeros. `as much`: the other way round, or the same. */
export type PartialVerdict = 'less' | 'as much' | 'other';

/** How the archived one relates to the file. @throws what the source throws */
export async function comparePartial(file: LocalFile, archived: ByteSource): Promise<PartialVerdict> {
  let position = 0;
  let hasParted = false;
  let archivedIsZero = true;
  let fileIsZero = true;
  for await (const chunk of archived) {
    const own = Buffer.alloc(chunk.length);
    const length = file.read(own, position);
    let from = 0;
    if (!hasParted) {
      while (from < chunk.length && chunk[from] === own[from]) from += 1;
      hasParted = from < chunk.length;
    }
    archivedIsZero &&= isZero(chunk.subarray(from));
    fileIsZero &&= isZero(own.subarray(from, length));
    if (hasParted && !archivedIsZero && !fileIsZero) return 'other';
    position += chunk.length;
  }
  if (position !== file.sizeBytes) return 'other';
  return fileIsZero ? 'as much' : 'less';
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
