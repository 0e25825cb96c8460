import { expect, it } from 'vitest';
import { crc32c } from '../../../src/bytes/crc32c.ts';

it.each([
  ['nothing', Buffer.alloc(0), 0],
  ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
  ['32 zero bytes (RFC 3720)', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones (RFC 3720)', Buffer.alloc(32, 0xff), 0x62a8ab43],
])('the CRC-32C of %s is the published one', (_name, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});
