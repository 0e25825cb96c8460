import { describe, expect, it } from 'vitest';
import { contentOf, writeTar, type TarMember } from '../../../src/archive/writer.ts';
import { collect } from '../../../src/bytes/stage.ts';
import { madeBytes } from '../../../testtools/byte-sources.ts';
import { fileHeader, fileMember, readMembers } from '../../../testtools/tar-members.ts';

describe('writeTar', () => {
  it('ends with two zero blocks and no more', async () => {
    const archive = await collect(writeTar([fileMember('/PG_VERSION', Buffer.from('17\n'))]));
    expect(archive.length).toBe(512 + 512 + 1024);
    expect(archive.toString('latin1', 512, 516)).toBe('17\n\0');
    expect(archive.subarray(515).every((byte) => byte === 0)).toBe(true);
    expect((await collect(writeTar([]))).equals(Buffer.alloc(1024))).toBe(true);
  });

  it('yields chunks of one length but the last, at every alignment of members', async () => {
    for (const chunkBytes of [512, 1024, 4096]) {
      for (let size = 0; size < 3_000; size += 251) {
        const content = madeBytes(size);
        const members = [fileMember('/a', content), fileMember('/b', content)];
        const sizes: number[] = [];
        const parts: Buffer[] = [];
        for await (const chunk of writeTar(members, { chunkBytes })) {
          sizes.push(chunk.length);
          parts.push(Buffer.from(chunk));
        }
        expect(sizes.slice(0, -1).every((length) => length === chunkBytes)).toBe(true);
        const archive = Buffer.concat(parts);
        expect(archive.length).toBe(2 * (512 + Math.ceil(size / 512) * 512) + 1024);
        expect(archive.subarray(512, 512 + size).equals(content)).toBe(true);
      }
    }
  });

  it('fills up files that shrank with zeros and cuts files that grew', async () => {
    const shrunk: TarMember = { header: fileHeader('/shrunk', 5_000), open: () => contentOf(Buffer.alloc(700, 'x')) };
    const grown: TarMember = { header: fileHeader('/grown', 700), open: () => contentOf(Buffer.alloc(5_000, 'y')) };
    const vanishedContent: TarMember = { header: fileHeader('/empty now', 9), open: () => contentOf(Buffer.alloc(0)) };
    const members = await readMembers(writeTar([shrunk, grown, vanishedContent], { chunkBytes: 1024 }));
    expect(members.map(({ content }) => content)).toEqual([
      Buffer.concat([Buffer.alloc(700, 'x'), Buffer.alloc(4_300)]),
      Buffer.alloc(700, 'y'),
      Buffer.alloc(9),
    ]);
  });

  it('does not read on after the end of a file', async () => {
    let reads = 0;
    const content = {
      read: () => ((reads += 1), 0),
      close: () => undefined,
    };
    await collect(writeTar([{ header: fileHeader('/x', 10_000), open: () => content }], { chunkBytes: 1024 }));
    expect(reads).toBe(1);
  });

  it('leaves out members that vanished, and reads the header after opening', async () => {
    let header = fileHeader('/later', 1);
    const gone: TarMember = { header: fileHeader('/gone', 4), open: () => undefined };
    const later: TarMember = {
      get header() {
        return header;
      },
      open() {
        header = fileHeader('/later', 3);
        return contentOf(Buffer.from('abc'));
      },
    };
    const members = await readMembers(writeTar([gone, later]));
    expect(members.map((member) => [member.header.name, member.content.toString()])).toEqual([['/later', 'abc']]);
  });

  it('closes each content once: at its end, after an error, and when nobody reads on', async () => {
    let closed = 0;
    const member = (read: () => number): TarMember => ({
      header: fileHeader('/x', 100_000),
      open: () => ({ read, close: () => void (closed += 1) }),
    });
    await collect(writeTar([member(() => 0)]));
    expect(closed).toBe(1);
    const broken = member(() => {
      throw new Error('EIO');
    });
    await expect(collect(writeTar([broken]))).rejects.toThrow('EIO');
    expect(closed).toBe(2);
    for await (const chunk of writeTar([member(() => 0)], { chunkBytes: 512 })) {
      expect(chunk.length).toBe(512);
      break;
    }
    expect(closed).toBe(3);
  });

  it('refuses a file with a size and no content', async () => {
    await expect(collect(writeTar([{ header: fileHeader('/x', 1) }]))).rejects.toThrow('no content');
    expect((await readMembers(writeTar([{ header: fileHeader('/x', 0) }]))).length).toBe(1);
  });
});
