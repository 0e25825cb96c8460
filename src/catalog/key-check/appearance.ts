/** Whether an object looks like what its name says or like noise, which is how encrypted ones look. */
import { beginsAsCompressed } from '../../codecs/signature.ts';
import type { Key } from '../../storage/storage.ts';

/** How an object looks by its first bytes; `unknown`: nothing speaks for either. */
export type Appearance = 'plain' | 'noise' | 'unknown';

/** @param head the first bytes of the object, 16 KiB or all of it */
export function appearanceOf(key: Key, head: Uint8Array): Appearance {
  const asNamed = beginsAsCompressed(key, head) ?? (key.endsWith('.tar') ? beginsAsTar(head) : undefined);
  if (asNamed === true) return 'plain';
  const noisy = isNoise(head);
  // Nothing else is told apart from noise: brotli by its bytes, a file that is not compressed by its name.
  if (asNamed === undefined && !noisy) return key.endsWith('.br') ? 'unknown' : 'plain';
  return noisy && !key.endsWith('.br') ? 'noise' : 'unknown';
}

function beginsAsTar(head: Uint8Array): boolean {
  const magic = Buffer.from(head.subarray(257, 262)).toString('latin1');
  return magic === 'ustar' || head.subarray(0, 512).every((byte) => byte === 0);
}

/** Above it bytes are not evenly spread: chi-square with 255 degrees of freedom has a mean of 255, deviation 23. */
const evenSpread = 400;

/** Fewer bytes tell nothing. */
const fewestBytes = 40;

/**
 * Bytes of even frequency that don't begin with a header: a header, as that of a WAL page or a binlog event, holds small
 * numbers, and so zeros.
 */
function isNoise(head: Uint8Array): boolean {
  if (head.length < fewestBytes) return false;
  if (head.subarray(0, 32).filter((byte) => byte === 0).length >= 4) return false;
  const counts = new Uint32Array(256);
  for (const byte of head) counts[byte] = (counts[byte] ?? 0) + 1;
  const expected = head.length / 256;
  let chiSquare = 0;
  for (const count of counts) chiSquare += (count - expected) ** 2 / expected;
  return chiSquare < evenSpread;
}
