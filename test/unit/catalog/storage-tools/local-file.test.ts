import { closeSync, lstatSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeLocalFile } from '../../../../src/catalog/storage-tools/local-file.ts';
import { breaking, lending } from '../../../../testtools/byte-sources.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const options = { replace: true, signal: new AbortController().signal };

describe('writing a local file', () => {
  it('leaves a link what it is, and the file behind it whole', async () => {
    await using folder = await temporaryDirectory();
    const file = join(folder.path, 'file');
    const link = join(folder.path, 'link');
    writeFileSync(file, 'old');
    symlinkSync('file', link);
    await expect(writeLocalFile(link, breaking(Buffer.from('half'), new Error('cut')), options)).rejects.toThrow('cut');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(await writeLocalFile(link, lending(Buffer.from('new')), options)).toBe(3);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(readdirSync(folder.path).toSorted()).toEqual(['file', 'link']);
  });

  it('does not take the place of /dev/stdout, even where that is a file', async () => {
    await using folder = await temporaryDirectory();
    const descriptor = openSync(join(folder.path, 'output'), 'w');
    try {
      const link = join(folder.path, 'stdout');
      symlinkSync(`/proc/self/fd/${descriptor}`, link);
      await writeLocalFile(link, lending(Buffer.from('bytes')), options);
      expect(lstatSync(link).isSymbolicLink()).toBe(true);
      expect(readFileSync(join(folder.path, 'output'), 'utf8')).toBe('bytes');
    } finally {
      closeSync(descriptor);
    }
  });
});
