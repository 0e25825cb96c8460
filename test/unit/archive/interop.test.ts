import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeTar } from '../../../src/archive/writer.ts';
import { collect } from '../../../src/bytes/stage.ts';
import { hasProgram, lending, madeBytes } from '../../../testtools/byte-sources.ts';
import { fileHeader, fileMember, readMembers } from '../../../testtools/tar-members.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const present = hasProgram('tar');
const longName = `${'directory-with-a-name/'.repeat(9)}${'file'.repeat(30)}`;

describe.skipIf(!present)(`GNU tar${present ? '' : ' (not installed here)'}`, () => {
  it('unpacks what we write: long names, links, other alphabets', async () => {
    await using directory = await temporaryDirectory();
    const contents = new Map([
      ['plain', madeBytes(70_000)],
      [longName, Buffer.from('long')],
      ['größe/日本', Buffer.from('other')],
      ['empty', Buffer.alloc(0)],
    ]);
    const archive = await collect(
      writeTar([
        { header: fileHeader('d', 0, { type: 'directory', mode: 0o750 }) },
        ...[...contents].map(([name, content]) => fileMember(name, content)),
        { header: fileHeader('link', 0, { type: 'symlink', linkName: 'x'.repeat(120) }) },
      ]),
    );
    execFileSync('tar', ['-xf', '-', '-C', directory.path], { input: archive });
    for (const [name, content] of contents) {
      expect(readFileSync(join(directory.path, name)).equals(content), name).toBe(true);
    }
    expect(execFileSync('tar', ['-tvf', '-'], { input: archive }).toString()).toContain(` -> ${'x'.repeat(120)}`);
  });

  it.each(['gnu', 'posix', 'ustar', 'oldgnu', 'v7'])('writes what we read: --format=%s', async (format) => {
    await using directory = await temporaryDirectory();
    const short = format === 'ustar' || format === 'v7';
    const name = short ? 'some/file' : longName;
    mkdirSync(join(directory.path, name, '..'), { recursive: true });
    writeFileSync(join(directory.path, name), madeBytes(33_333));
    symlinkSync('target', join(directory.path, 'link'));
    const archive = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', directory.path, '.'], {
      maxBuffer: 1 << 24,
    });
    const members = await readMembers(lending(archive));
    expect(members.find(({ header }) => header.name === `./${name}`)?.content.equals(madeBytes(33_333))).toBe(true);
    expect(members.find(({ header }) => header.name === './link')?.header).toMatchObject({
      type: 'symlink',
      linkName: 'target',
    });
    expect(members.find(({ header }) => header.name === './')?.header.type).toBe('directory');
  });
});
