import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Flush } from '../../../../src/storage/file/flush.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const step = 32 * 1024 * 1024;

/** A descriptor that no flush can succeed on. */
async function withClosedFile(act: (flush: Flush) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const descriptor = openSync(join(directory.path, 'a'), 'w');
  closeSync(descriptor);
  await act(new Flush(descriptor));
}

describe('flushing a file while it is written', () => {
  it('begins when enough has come together, and fails at the end when the system lost something on the way', async () => {
    await withClosedFile(async (flush) => {
      flush.written(step - 1);
      await flush.idle();
      flush.written(1);
      await expect(flush.finish()).rejects.toMatchObject({ code: 'EBADF', syscall: 'fdatasync' });
    });
  });

  it('fails at the next write after the system lost something', async () => {
    await withClosedFile(async (flush) => {
      flush.written(step);
      await flush.idle();
      expect(() => {
        flush.written(1);
      }).toThrow('EBADF');
    });
  });

  it('of a small file happens once, at the end', async () => {
    await withClosedFile(async (flush) => {
      flush.written(1000);
      await expect(flush.finish()).rejects.toMatchObject({ code: 'EBADF', syscall: 'fsync' });
    });
  });

  it('makes files durable that are open', async () => {
    await using directory = await temporaryDirectory();
    const descriptor = openSync(join(directory.path, 'a'), 'w');
    try {
      const flush = new Flush(descriptor);
      for (let index = 0; index < 5; index += 1) flush.written(step);
      await flush.finish();
      await flush.idle();
    } finally {
      closeSync(descriptor);
    }
  });
});
