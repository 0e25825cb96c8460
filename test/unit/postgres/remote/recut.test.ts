import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader } from '../../../../src/archive/header.ts';
import { writeTar } from '../../../../src/archive/writer.ts';
import { collect, type ByteSource } from '../../../../src/bytes/stage.ts';
import { recut, type RecutOptions } from '../../../../src/postgres/remote/recut.ts';
import { cutAt, lending } from '../../../../testtools/byte-sources.ts';
import { fileHeader, fileMember, readMembers, type ReadMember } from '../../../../testtools/tar-members.ts';

const whole: RecutOptions = { prefix: '', thresholdBytes: 1_000_000, visit: () => undefined };

async function partsOf(archive: ByteSource, options: Partial<RecutOptions> = {}): Promise<readonly Buffer[]> {
  const parts: Buffer[] = [];
  for await (const part of recut(archive, { ...whole, ...options })) parts.push(await collect(part));
  return parts;
}

async function membersOf(part: Buffer): Promise<readonly ReadMember[]> {
  return readMembers(lending(part));
}

async function archiveOf(sizes: readonly number[]): Promise<Buffer> {
  return collect(writeTar(sizes.map((size, index) => fileMember(`base/5/${index}`, Buffer.alloc(size, index + 1)))));
}

describe('recut', () => {
  it('gives the same members, in parts no bigger than the threshold but for single files', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 })), { maxLength: 12 }),
        fc.integer({ min: 1, max: 4000 }),
        fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 20 }),
        fc.boolean(),
        async (sizes, thresholdBytes, places, hasEnd) => {
          const archive = await archiveOf(sizes);
          // Servers up to version 14 leave out the two blocks at the end.
          const sent = hasEnd ? archive : archive.subarray(0, -1024);
          const cuts = places.filter((place) => place < sent.length);
          const parts = await partsOf(cutAt(sent, cuts), { thresholdBytes });
          const members = await Promise.all(parts.map(membersOf));
          expect(members.flat()).toEqual(await membersOf(archive));
          for (const [index, part] of members.entries()) {
            const filled = part.filter(({ header }) => header.sizeBytes > 0);
            const bytes = filled.reduce((sum, { header }) => sum + header.sizeBytes, 0);
            expect(filled.length === 1 || bytes <= thresholdBytes).toBe(true);
            expect((parts[index]?.length ?? 1) % 512).toBe(0);
            expect(parts[index]?.subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('puts the tablespace before the names, and takes the dot from the one that the server gives it', async () => {
    const names = ['PG_18_202506291/5/16385', './pg_wal/archive_status/'];
    const archive = writeTar(names.map((name) => ({ header: fileHeader(name, 0) })));
    const [part = Buffer.alloc(0)] = await partsOf(archive, { prefix: 'pg_tblspc/16384/' });
    const members = await membersOf(part);
    expect(members.map(({ header }) => header.name)).toEqual([
      'pg_tblspc/16384/PG_18_202506291/5/16385',
      'pg_tblspc/16384/pg_wal/archive_status/',
    ]);
  });

  it('shows the content of the members that are asked for', async () => {
    const shown: Buffer[] = [];
    const visit: RecutOptions['visit'] = ({ name }) =>
      name === 'base/5/1' ? (piece) => void shown.push(Buffer.from(piece)) : undefined;
    await partsOf(lending(await archiveOf([10, 2000, 30])), { visit });
    expect(Buffer.concat(shown)).toEqual(Buffer.alloc(2000, 2));
  });

  it('gives no part of an archive without members', async () => {
    expect(await partsOf(lending(Buffer.alloc(1024)))).toEqual([]);
    expect(await partsOf(lending(Buffer.alloc(0)))).toEqual([]);
  });

  it('fails in the part that is cut short or broken, and ends the source', async () => {
    const archive = await archiveOf([700, 3000]);
    const cut = lending(archive.subarray(0, 2500));
    await expect(partsOf(cut)).rejects.toThrow('cut short');
    expect(cut.ended()).toBe(true);
    const broken = Buffer.from(archive);
    broken[512 * 3 + 10] = 0xff;
    await expect(partsOf(lending(broken))).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('refuses to go on when a part was not read to its end', async () => {
    const archive = lending(Buffer.concat([encodeHeader(fileHeader('a', 2000)), Buffer.alloc(2048)]));
    const reading = async (): Promise<void> => {
      for await (const part of recut(archive, whole)) await part[Symbol.asyncIterator]().next();
    };
    await expect(reading()).rejects.toThrow('not read to its end');
    expect(archive.ended()).toBe(true);
  });
});
