import { describe, expect, it } from 'vitest';
import { encodeHeader, type TarHeader } from '../../../src/archive/header.ts';
import { readTar } from '../../../src/archive/reader.ts';
import { writeTar } from '../../../src/archive/writer.ts';
import { collect } from '../../../src/bytes/stage.ts';
import { CorruptError } from '../../../src/errors.ts';
import { breaking, lending, madeBytes, noise } from '../../../testtools/byte-sources.ts';
import { fileHeader, fileMember, readMembers } from '../../../testtools/tar-members.ts';

const content = madeBytes(3_000);
const archive = await collect(writeTar([fileMember('/one', content), fileMember('/two', Buffer.from('2'))]));
const endAt = archive.length - 1024;

/** A header block with bytes put in, and its checksum made right again. */
function patched(header: TarHeader, changes: Readonly<Record<number, string>>): Buffer {
  const block = Buffer.from(encodeHeader(header));
  for (const [at, text] of Object.entries(changes)) block.write(text, Number(at), 'latin1');
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padded(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** A header of records about the next member. */
function records(typeFlag: string, body: string): Buffer {
  return Buffer.concat([patched(fileHeader('records', Buffer.byteLength(body)), { 156: typeFlag }), padded(body)]);
}

const names = async (bytes: Buffer): Promise<string[]> =>
  (await readMembers(lending(bytes))).map(({ header }) => header.name);

describe('the end of an archive', () => {
  it.each([
    ['two zero blocks', archive],
    ['zero blocks up to a multiple of 10 KiB', Buffer.concat([archive, Buffer.alloc(10_240)])],
    ['no zero block, as after a remote backup', archive.subarray(0, endAt)],
    ['one zero block', archive.subarray(0, endAt + 512)],
    ['zeros that are no whole block', Buffer.concat([archive, Buffer.alloc(7)])],
  ])('is %s', async (_what, bytes) => {
    expect(await names(bytes)).toEqual(['/one', '/two']);
  });

  it('is nothing but that', async () => {
    const bytes = Buffer.concat([archive, Buffer.alloc(5_000), Buffer.of(1)]);
    await expect(names(bytes)).rejects.toThrow(new CorruptError('tar archive goes on after its end'));
    const afterOne = Buffer.concat([archive.subarray(0, endAt + 512), archive]);
    await expect(names(afterOne)).rejects.toThrow(CorruptError);
  });

  it('of an empty source is at once', async () => {
    expect(await names(Buffer.alloc(0))).toEqual([]);
  });

  it('is found missing at every length that is not before a header', async () => {
    for (let length = 1; length < endAt; length += 1) {
      if (length === 512 + 3_072) continue;
      await expect(names(archive.subarray(0, length)), `${length} bytes`).rejects.toThrow(
        new CorruptError('tar archive is cut short'),
      );
    }
  });
});

describe('headers of other archivers', () => {
  it('have their GNU long names and targets', async () => {
    const [name, target] = ['n'.repeat(300), 't'.repeat(200)];
    const bytes = Buffer.concat([
      records('L', `${name}\0`),
      records('K', `${target}\0`),
      patched(fileHeader('short', 0, { type: 'symlink' }), {}),
    ]);
    const [member, ...others] = await readMembers(lending(bytes));
    expect(member?.header).toMatchObject({ name, linkName: target, type: 'symlink' });
    expect(others).toEqual([]);
  });

  it('have PAX records, for the next member or for all', async () => {
    const bytes = Buffer.concat([
      records('g', '16 uname=nobody\n14 comment=hi\n'),
      records('x', '14 path=/long\n9 size=3\n23 mtime=12.5000000000\n'),
      patched(fileHeader('short', 0), {}),
      padded('abc'),
      patched(fileHeader('next', 0), {}),
    ]);
    const members = await readMembers(lending(bytes));
    expect(members.map(({ header, content: read }) => [header.name, header.userName, read.toString()])).toEqual([
      ['/long', 'nobody', 'abc'],
      ['next', 'nobody', ''],
    ]);
    expect(members[0]?.header.mtimeSeconds).toBe(12);
  });

  it('have numbers in binary, and signed checksums', async () => {
    const size = Buffer.alloc(12);
    size[0] = 0x80;
    size[11] = 3;
    const time = Buffer.alloc(12, 0xff);
    const block = patched(fileHeader('x', 0), {
      124: size.toString('latin1'),
      136: time.toString('latin1'),
    });
    const signed = Buffer.from(block);
    const highBytes = signed.subarray(0, 148).filter((byte) => byte >= 0x80).length;
    const sum = Number.parseInt(block.toString('latin1', 148, 154), 8) - 256 * highBytes;
    signed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    for (const header of [block, signed]) {
      const [member] = await readMembers(lending(Buffer.concat([header, padded('abc')])));
      expect(member).toMatchObject({ header: { sizeBytes: 3, mtimeSeconds: -1 }, content: Buffer.from('abc') });
    }
  });

  it('are old ones without a magic, where a slash tells directories', async () => {
    const old = { 156: '\0', 257: '\0'.repeat(8), 265: '\0'.repeat(64), 345: 'not a prefix' };
    const bytes = Buffer.concat([
      patched(fileHeader('dir/', 0), old),
      patched(fileHeader('file', 2), old),
      padded('ab'),
    ]);
    const members = await readMembers(lending(bytes));
    expect(members.map(({ header }) => [header.name, header.type, header.userName])).toEqual([
      ['dir/', 'directory', ''],
      ['file', 'file', ''],
    ]);
  });

  it('have sizes that mean nothing, for members without content', async () => {
    const bytes = Buffer.concat([
      patched(fileHeader('/dir', 0, { type: 'directory' }), { 124: '00000010000' }),
      patched(fileHeader('/link', 0, { type: 'hardlink', linkName: 'x' }), { 124: '00000000700' }),
      patched(fileHeader('/next', 0), {}),
    ]);
    const members = await readMembers(lending(bytes));
    expect(members.map(({ header }) => [header.type, header.sizeBytes])).toEqual([
      ['directory', 0],
      ['hardlink', 0],
      ['file', 0],
    ]);
  });

  it('have types that nobody knows, whose content is passed over', async () => {
    const bytes = Buffer.concat([patched(fileHeader('/odd', 3), { 156: 'V' }), padded('abc'), archive]);
    expect(await names(bytes)).toEqual(['/odd', '/one', '/two']);
  });
});

describe('headers that are damaged or hostile', () => {
  const flipped = Buffer.from(archive);
  flipped[3] = 0x21;
  it.each<readonly [string, Buffer, string]>([
    ['a wrong checksum', flipped, 'tar header fails its checksum'],
    ['noise', noise(2_048), 'tar header with malformed checksum'],
    ['a size that is no number', patched(fileHeader('x', 0), { 124: '0000000000z' }), 'tar header with malformed size'],
    [
      'a size of 2^63',
      patched(fileHeader('x', 0), { 124: '\x80\0\0\0\x80\0\0\0\0\0\0\0' }),
      'tar header with malformed size',
    ],
    ['a negative size', patched(fileHeader('x', 0), { 124: '\xff'.repeat(12) }), 'tar header with a negative size'],
    [
      'a negative PAX size',
      Buffer.concat([records('x', '11 size=-3\n'), archive]),
      'tar header with malformed record "size"',
    ],
    [
      'a PAX size that is no number',
      Buffer.concat([records('x', '12 size=ten\n'), archive]),
      'tar header with malformed record "size"',
    ],
    ['a PAX record of another length', records('x', '14 path=/long'), 'tar header with a malformed PAX record'],
    ['a PAX record without an end', records('x', '13 path=/longer\n'), 'tar header with a malformed PAX record'],
    ['a PAX record without a key', records('x', '8 path/\n'), 'tar header with a malformed PAX record'],
    ['a NUL in a PAX record', records('x', '14 path=/l\0ng\n'), 'tar header with a NUL in a PAX record'],
    ['huge PAX records', patched(fileHeader('x', 2 ** 32), { 156: 'x' }), 'tar header with records of more than 1 MiB'],
    [
      'a sparse file',
      Buffer.concat([records('x', '22 GNU.sparse.major=1\n'), archive]),
      'tar member is stored sparse, which archives never use',
    ],
    ['records without a member', records('x', '14 path=/long\n'), 'tar archive ends within a member'],
    ['a huge size', patched(fileHeader('x', 2 ** 33 - 1), {}), 'tar archive is cut short'],
  ])('are refused: %s', async (_what, bytes, message) => {
    await expect(names(bytes)).rejects.toThrow(new CorruptError(message));
  });
});

describe('sinks', () => {
  const events: string[] = [];
  const sink = (name: string, failing?: 'write' | 'end'): { write(): void; end(): void; abort(): void } => ({
    write() {
      if (failing === 'write') throw new Error('disk full');
    },
    end() {
      if (failing === 'end') throw new Error('cannot fsync');
      events.push(`end ${name}`);
    },
    abort: () => void events.push(`abort ${name}`),
  });
  const run = async (bytes: Buffer, failing?: 'write' | 'end'): Promise<unknown> => {
    events.length = 0;
    const source = lending(bytes, 700);
    try {
      await readTar(source, ({ name }) => sink(name, failing));
      return undefined;
    } catch (error) {
      return error;
    } finally {
      expect(source.ended()).toBe(true);
    }
  };

  it('are ended, each after its own content', async () => {
    expect(await run(archive)).toBeUndefined();
    expect(events).toEqual(['end /one', 'end /two']);
  });

  it('are aborted when the archive is cut short', async () => {
    expect(await run(archive.subarray(0, 2_000))).toBeInstanceOf(CorruptError);
    expect(events).toEqual(['abort /one']);
  });

  it.each(['write', 'end'] as const)('are aborted when their %s fails, and nothing goes on', async (failing) => {
    expect(await run(archive, failing)).toBeInstanceOf(Error);
    expect(events).toEqual(['abort /one']);
  });

  it('are aborted when the source fails', async () => {
    const error = new Error('connection reset');
    events.length = 0;
    await expect(readTar(breaking(archive.subarray(0, 2_000), error), ({ name }) => sink(name))).rejects.toBe(error);
    expect(events).toEqual(['abort /one']);
  });

  it('may be left away', async () => {
    const seen: string[] = [];
    await readTar(lending(archive), ({ name }) => void seen.push(name));
    expect(seen).toEqual(['/one', '/two']);
  });
});
