import { closeSync, lstatSync, openSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeLocalFile } from '../../../../src/catalog/storage-tools/local-file.ts';
import { lending } from '../../../../testtools/byte-sources.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const options = { replace: true, signal: new AbortController().signal };

describe('writing a local file', () => {
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
