import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TarHeader } from '../../../src/archive/header.ts';
import { writeTar, type TarMember } from '../../../src/archive/writer.ts';
import { collect } from '../../../src/bytes/stage.ts';
import { CorruptError } from '../../../src/errors.ts';
import { lending, madeBytes } from '../../../testtools/byte-sources.ts';
import { fileMember, readMembers } from '../../../testtools/tar-members.ts';

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom('a', 'b', '/', '.', ' ', '=', '\n', 'ü', '日', '😀', '7'), maxLength })
    .filter((value) => !value.includes('\0'));

const headers: fc.Arbitrary<TarHeader> = fc.record({
  name: text(400),
  type: fc.constantFrom('file', 'directory', 'symlink', 'hardlink', 'fifo', 'character device', 'block device'),
  mode: fc.nat(0o7777),
  uid: fc.nat(2 ** 32 - 1),
  gid: fc.nat(2 ** 32 - 1),
  sizeBytes: fc.constant(0),
  mtimeSeconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  linkName: text(300),
  userName: text(60),
  groupName: text(60),
});

describe('archives', () => {
  it('give back every header and content that was put in', async () => {
    const members = fc.array(fc.tuple(headers, fc.nat(5_000), fc.nat()), { maxLength: 8 });
    const chunks = fc.integer({ min: 1, max: 20 }).map((blocks) => blocks * 512);
    await fc.assert(
      fc.asyncProperty(members, chunks, fc.integer({ min: 1, max: 3_000 }), async (list, chunkBytes, readBytes) => {
        const written = list.map(([header, length, seed]) => {
          const content = header.type === 'file' ? madeBytes(length, seed) : Buffer.alloc(0);
          return { header: { ...header, sizeBytes: content.length }, content };
        });
        const archive = await collect(
          writeTar(
            written.map(({ header, content }) => fileMember(header.name, content, header)),
            { chunkBytes },
          ),
        );
        expect(archive.length % 512).toBe(0);
        expect(await readMembers(lending(archive, readBytes))).toEqual(written);
      }),
      { numRuns: 150 },
    );
  });

  it('that are arbitrary bytes, or damaged, end with CorruptError or are read', async () => {
    const valid = await collect(
      writeTar([
        fileMember('/a', madeBytes(700)),
        fileMember('/ü'.repeat(80), madeBytes(10)),
        { header: { ...fileMember('/d', Buffer.of()).header, type: 'directory' } },
      ] satisfies TarMember[]),
    );
    const damaged = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, fc.uint8Array({ maxLength: 2_000 })), async (bytes) => {
        try {
          await readMembers(lending(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
      { numRuns: 400 },
    );
  });
});
