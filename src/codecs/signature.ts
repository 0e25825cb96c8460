/** What the first bytes of a compressed object tell, before anything is decoded. */
import { withoutExtension } from './open.ts';

type Head = Uint8Array;

const isSkippable = (head: Head): boolean => matches(head, 1, [0x2a, 0x4d, 0x18]) && ((head[0] ?? 0) & 0xf0) === 0x50;

/** The beginnings of the formats of `compression-crypto.md` 2 in the specification; brotli has none. */
const signatures: Readonly<Record<string, (head: Head) => boolean>> = {
  lz4: (head) =>
    matches(head, 0, [0x04, 0x22, 0x4d, 0x18]) || matches(head, 0, [0x02, 0x21, 0x4c, 0x18]) || isSkippable(head),
  zst: (head) => matches(head, 0, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippable(head),
  lzma: (head) => head.length >= 13 && (head[0] ?? 0) < 225 && (head[4] ?? 0) < 0x80 && hasPlausibleSize(head),
  gz: (head) => matches(head, 0, [0x1f, 0x8b, 0x08]),
  lzo: (head) => matches(head, 0, [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a]),
};

/**
 * Whether an object begins the way its suffix says. Encrypted ones don't.
 *
 * @param head its first bytes, at least 16 unless it is shorter
 * @returns undefined where the format has no recognizable beginning: brotli, no suffix
 */
export function beginsAsCompressed(key: string, head: Uint8Array): boolean | undefined {
  return signatures[key.slice(withoutExtension(key).length + 1)]?.(head);
}

function matches(head: Head, at: number, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => head[at + index] === byte);
}

/** Unknown, or less than 2^48. */
function hasPlausibleSize(head: Head): boolean {
  const size = head.subarray(5, 13);
  return size.every((byte) => byte === 0xff) || (size[6] === 0 && size[7] === 0);
}
