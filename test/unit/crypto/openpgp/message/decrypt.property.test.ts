import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../../src/bytes/stage.ts';
import { decryptMessage } from '../../../../../src/crypto/openpgp/message/decrypt.ts';
import { literalData } from '../../../../../src/crypto/openpgp/message/contents.ts';
import { encryptMessage } from '../../../../../src/crypto/openpgp/message/encrypt.ts';
import type { SessionKey } from '../../../../../src/crypto/openpgp/key-ring.ts';
import { ArchiverError, CorruptError } from '../../../../../src/errors.ts';
import { cutAt, lending, madeBytes, noise } from '../../../../../testtools/byte-sources.ts';
import { keyPacket, literalPacket, madeRing, message, type Framing } from '../../../../../testtools/made-messages.ts';

/** Of tag 18, which has no old form. */
const outerFraming: fc.Arbitrary<Framing> = fc.oneof(
  fc.constant<Framing>({ form: 'new', octets: 5 }),
  fc.record({
    form: fc.constant('parts' as const),
    exponents: fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 60 }),
  }),
);
const framing: fc.Arbitrary<Framing> = fc.oneof(
  fc.constantFrom<Framing>({ form: 'old', octets: 4 }, { form: 'indeterminate' }),
  outerFraming,
);
const session: fc.Arbitrary<SessionKey> = fc.constantFrom(
  { cipher: 'aes128', key: noise(16) },
  { cipher: 'aes192', key: noise(24) },
  { cipher: 'aes256', key: noise(32) },
);
const length = fc.oneof(
  fc.integer({ min: 0, max: 1_000 }),
  fc.integer({ min: 65_000, max: 66_500 }),
  fc.integer({ min: 0, max: 400_000 }),
);

describe('OpenPGP messages', () => {
  it('are read in all forms, in whatever chunks they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(outerFraming, framing, session, length, fc.array(fc.nat(400_000), { maxLength: 30 })),
        async ([outer, inner, key, bytes, cuts]) => {
          const content = madeBytes(bytes);
          const stored = message(literalPacket(content, { framing: inner }), outer, key);
          expect((await collect(decryptMessage(madeRing(key))(cutAt(stored, cuts)))).equals(content)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('that we write are read, in whatever chunks the content comes', async () => {
    await fc.assert(
      fc.asyncProperty(session, length, fc.array(fc.nat(400_000), { maxLength: 30 }), async (key, bytes, cuts) => {
        const content = madeBytes(bytes);
        const stored = await collect(encryptMessage(madeRing(key))(cutAt(content, cuts)));
        expect((await collect(decryptMessage(madeRing(key))(lending(stored, 70_000)))).equals(content)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('end in a typed error when they are arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 2_000 }), async (withKey, bytes) => {
        const stored = withKey ? Buffer.concat([keyPacket, Uint8Array.of(0xd2), bytes]) : bytes;
        await expect(collect(decryptMessage(madeRing())(lending(stored)))).rejects.toBeInstanceOf(ArchiverError);
      }),
      { numRuns: 500 },
    );
  });

  it('hold data or end in a typed error, whatever packets are in them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const error: unknown = await collect(literalData(lending(bytes))).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined) expect(error).toBeInstanceOf(CorruptError);
      }),
      { numRuns: 500 },
    );
  });
});
