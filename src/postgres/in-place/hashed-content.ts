/** Hashes the content of a tar member while it is read. */
import type { TarContent } from '../../archive/writer.ts';
import type { ContentHasher } from './content-hash.ts';

/**
 * The same content. When it is closed, `report` is told the hash of what the member holds in the end: of `sizeBytes`
 * bytes, zeros for those that did not come, as the tar has it.
 *
 * @param hasher used by nobody else until then
 */
export function hashedContent(
  content: TarContent,
  sizeBytes: number,
  hasher: ContentHasher,
  report: (hash: bigint) => void,
): TarContent {
  let left = sizeBytes;
  hasher.start();
  return {
    read(target) {
      const length = content.read(target);
      hasher.update(target.subarray(0, length));
      left -= length;
      return length;
    },
    close() {
      content.close();
      hasher.updateZeros(left);
      report(hasher.digest());
    },
  };
}
