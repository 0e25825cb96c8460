import { fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFlusher, FlushError } from '../../../../src/postgres/backup/flusher.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

describe('a flusher', () => {
  it('has closed every file when it is drained, however many there are', async () => {
    await using directory = await temporaryDirectory();
    const flusher = createFlusher();
    const files = Array.from({ length: 100 }, (_, number) => {
      const path = join(directory.path, String(number));
      return { fd: openSync(path, 'w'), path };
    });
    for (const file of files) {
      writeSync(file.fd, 'first');
      flusher.begin(file);
      flusher.begin(file);
      writeSync(file.fd, ' second');
      if (file === files[7]) flusher.discard(file);
      else flusher.finish(file);
    }
    await flusher.drained();
    expect(files.filter(({ fd }) => isOpen(fd))).toEqual([]);
    expect(readFileSync(join(directory.path, '99'), 'utf8')).toBe('first second');
  });

  it.skipIf(process.platform !== 'linux')('tells which file could not be flushed', async () => {
    const flusher = createFlusher();
    const fd = openSync('/dev/null', 'w');
    flusher.finish({ fd, path: 'base/1/1247' });
    const error: unknown = await flusher.drained().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FlushError);
    expect(error).toMatchObject({ path: 'base/1/1247', cause: { code: 'EINVAL' } });
    expect(isOpen(fd)).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')('does not forget a failure before the end', async () => {
    const flusher = createFlusher();
    const file = { fd: openSync('/dev/null', 'w'), path: 'base/1/1247' };
    flusher.begin(file);
    flusher.discard(file);
    await expect(flusher.drained()).rejects.toThrow(FlushError);
  });
});
