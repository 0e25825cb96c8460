import { describe, expect, it } from 'vitest';
import { encodeHeader } from '../../../src/archive/header.ts';
import { fileHeader } from '../../../testtools/tar-members.ts';

const text = (bytes: Uint8Array, from: number, length: number): string =>
  Buffer.from(bytes).toString('latin1', from, from + length);

describe('encodeHeader', () => {
  it('writes the header of backup_label byte for byte as the specification has it', () => {
    const header = encodeHeader({
      ...fileHeader('backup_label', 3),
      uid: 0,
      gid: 0,
      mtimeSeconds: 0,
      userName: '',
      groupName: '',
    });
    expect(header.length).toBe(512);
    expect(text(header, 0, 13)).toBe('backup_label\0');
    expect(text(header, 100, 8)).toBe('0000600\0');
    expect(text(header, 108, 16)).toBe('0000000\x000000000\0');
    expect(text(header, 124, 12)).toBe('00000000003\0');
    expect(text(header, 136, 12)).toBe('00000000000\0');
    expect(text(header, 148, 8)).toBe('011515\0 ');
    expect(text(header, 156, 1)).toBe('0');
    expect(text(header, 257, 8)).toBe('ustar\x0000');
    expect(text(header, 329, 16)).toBe('0000000\x000000000\0');
  });

  it('gives directories and links no size', () => {
    const directory = encodeHeader(fileHeader('/base', 4096, { type: 'directory', mode: 0o700 }));
    expect(text(directory, 124, 12)).toBe('00000000000\0');
    expect(text(directory, 156, 1)).toBe('5');
    const link = encodeHeader(fileHeader('/pg_tblspc/1', 9, { type: 'symlink', linkName: '/elsewhere' }));
    expect(text(link, 124, 12)).toBe('00000000000\0');
    expect(text(link, 157, 11)).toBe('/elsewhere\0');
  });

  it('cuts long names at a slash into the two fields, without a PAX header', () => {
    const header = encodeHeader(fileHeader(`${'d'.repeat(155)}/${'f'.repeat(100)}`, 0));
    expect(header.length).toBe(512);
    expect(text(header, 0, 100)).toBe('f'.repeat(100));
    expect(text(header, 345, 155)).toBe('d'.repeat(155));
  });

  it.each([
    ['a name without a place to cut', { name: 'f'.repeat(101) }, 'path'],
    ['a name too long for both fields', { name: `${'d/'.repeat(128)}f` }, 'path'],
    ['a name that begins with its only slash', { name: `/${'f'.repeat(101)}` }, 'path'],
    ['a name that is not ASCII', { name: '/base/größe' }, 'path'],
    ['a long target', { type: 'symlink', linkName: '/x'.repeat(60) }, 'linkpath'],
    ['8 GiB', { sizeBytes: 8 * 1024 ** 3 }, 'size'],
    ['a high user number', { uid: 0o10000000 }, 'uid'],
    ['a high group number', { gid: 4_294_967_294 }, 'gid'],
    ['a time before 1970', { mtimeSeconds: -1 }, 'mtime'],
    ['a time after 2242', { mtimeSeconds: 0o100000000000 }, 'mtime'],
    ['a long user name', { userName: 'u'.repeat(33) }, 'uname'],
    ['a group name that is not ASCII', { groupName: 'gästé' }, 'gname'],
  ] as const)('puts a PAX header before %s', (_what, fields, key) => {
    const header = encodeHeader({ ...fileHeader('/base/1', 5), ...fields });
    expect(header.length).toBe(1_536);
    expect(text(header, 156, 1)).toBe('x');
    expect(text(header, 512, 512)).toMatch(new RegExp(`^\\d+ ${key}=.*\\n\\0+$`));
    const length = Number.parseInt(text(header, 512, 10), 10);
    expect(text(header, 512 + length - 1, 2)).toBe('\n\0');
  });

  it('writes sizes just below 8 GiB without one', () => {
    expect(encodeHeader(fileHeader('/base/1', 8 * 1024 ** 3 - 1)).length).toBe(512);
  });

  it.each([
    ['a NUL in a name', { name: '/base/1\0' }],
    ['a negative size', { sizeBytes: -1 }],
    ['half a byte', { sizeBytes: 0.5 }],
    ['half a second', { mtimeSeconds: 0.5 }],
    ['a type that only readers know', { type: 'other' as const }],
  ])('refuses %s', (_what, fields) => {
    expect(() => encodeHeader({ ...fileHeader('/base/1', 5), ...fields })).toThrow(RangeError);
  });
});
