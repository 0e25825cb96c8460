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

it('goes on from the sum of what stands before', () => {
  const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, at) => (at * 31 + (at >> 3)) & 0xff));
  for (const cut of [0, 1, 7, 8, 9, 500, 999, 1_000]) {
    expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
  }
});
