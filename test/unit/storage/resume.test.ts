import { describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../../src/bytes/stage.ts';
import { CorruptError } from '../../../src/errors.ts';
import { ObjectNotFoundError, StorageForbiddenError, StorageUnavailableError } from '../../../src/storage/errors.ts';
import { ObjectChangedError, resumed, type Download } from '../../../src/storage/resume.ts';
import type { RetryPolicy } from '../../../src/storage/retry.ts';
import { breaking, lending, noise } from '../../../testtools/byte-sources.ts';
import { fakeClock } from '../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../testtools/recording-logger.ts';

const policy: RetryPolicy = { attempts: 3, firstDelayMs: 100, maxDelayMs: 1_000, random: () => 1 };
const bytes = noise(10_000);
const lost = new StorageUnavailableError('the network is gone');

/** A download whose bodies break off after the given numbers of bytes, in this order, and then no more. */
function rig(breaks: readonly number[], changes: Partial<Download> = {}) {
  const clock = fakeClock();
  const logger = recordingLogger();
  const opened: number[] = [];
  let count = 0;
  const body = (from: number): ByteSource => {
    const length = breaks[count];
    count += 1;
    return length === undefined ? lending(bytes.subarray(from)) : breaking(bytes.subarray(from, from + length), lost);
  };
  const source = resumed(
    {
      key: 'wal/a',
      location: 'memory:',
      body: body(0),
      sizeBytes: bytes.length,
      reopen: (position) => {
        opened.push(position);
        return Promise.resolve(body(position));
      },
      ...changes,
    },
    { policy, clock, logger },
  );
  return { source, clock, logger, opened };
}

describe('downloads that break off', () => {
  it('come through as they are when they do not', async () => {
    const { source, opened, logger } = rig([]);
    expect((await collect(source)).equals(bytes)).toBe(true);
    expect(opened).toEqual([]);
    expect(logger.records).toEqual([]);
  });

  it('go on from the byte where they were, and tell of it', async () => {
    const { source, opened, clock, logger } = rig([3_500, 0, 2_000]);
    expect((await collect(source)).equals(bytes)).toBe(true);
    expect(opened).toEqual([3_500, 3_500, 5_500]);
    expect(clock.sleeps).toEqual([100, 200, 100]);
    expect(logger.records.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn']);
  });

  it('may break off any number of times as long as they come further', async () => {
    const { source, opened } = rig(Array.from({ length: 50 }, () => 150));
    expect((await collect(source)).equals(bytes)).toBe(true);
    expect(opened).toHaveLength(50);
  });

  it('fail with the last error when no attempt brings a byte', async () => {
    const { source, opened } = rig([1_000, 0, 0, 0]);
    await expect(collect(source)).rejects.toBe(lost);
    expect(opened).toEqual([1_000, 1_000]);
  });

  it('go on when the opening fails for a reason that may pass', async () => {
    let count = 0;
    const { source } = rig([1_000], {
      reopen: (position) => {
        count += 1;
        return count === 1 ? Promise.reject(lost) : Promise.resolve(lending(bytes.subarray(position)));
      },
    });
    expect((await collect(source)).equals(bytes)).toBe(true);
  });

  it('go on after an early end, and have ended when all is there', async () => {
    const early = rig([], { body: lending(bytes.subarray(0, 4_000)) });
    expect((await collect(early.source)).equals(bytes)).toBe(true);
    expect(early.opened).toEqual([4_000]);
    // The connection broke behind the last byte.
    const late = rig([bytes.length]);
    expect((await collect(late.source)).equals(bytes)).toBe(true);
    expect(late.opened).toEqual([]);
  });

  it('end where the body ends when nobody knows the size', async () => {
    const { source } = rig([], { body: lending(bytes.subarray(0, 4_000)), sizeBytes: undefined });
    expect(await collect(source)).toHaveLength(4_000);
  });

  it('refuse bytes beyond those announced', async () => {
    await expect(collect(rig([], { sizeBytes: 9_999 }).source)).rejects.toThrow(CorruptError);
  });

  it('fail at once when nothing tells whether the object is still the same', async () => {
    await expect(collect(rig([1_000], { reopen: undefined }).source)).rejects.toBe(lost);
  });

  it.each([new StorageForbiddenError('no'), new ObjectChangedError('wal/a', 'memory:'), new RangeError('a bug')])(
    'fail at once with %s',
    async (error) => {
      const { source, clock } = rig([1_000], { reopen: () => Promise.reject(error) });
      await expect(collect(source)).rejects.toBe(error);
      expect(clock.sleeps).toEqual([100]);
    },
  );

  it('take an object that is gone for changed, not for missing', async () => {
    const gone = new ObjectNotFoundError('wal/a', 'memory:');
    const { source } = rig([1_000], { reopen: () => Promise.reject(gone) });
    await expect(collect(source)).rejects.toThrow(ObjectChangedError);
  });

  it('end with the reason when they are called off', async () => {
    const controller = new AbortController();
    const reason = new Error('called off');
    const { source } = rig([], {
      signal: controller.signal,
      // eslint-disable-next-line @typescript-eslint/require-await -- a body that fails
      body: (async function* (): AsyncGenerator<Uint8Array, void> {
        controller.abort(reason);
        throw lost;
      })(),
    });
    await expect(collect(source)).rejects.toBe(reason);
  });

  it('close the body when the reader stops', async () => {
    const body = lending(bytes);
    for await (const chunk of rig([], { body }).source) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(body.ended()).toBe(true);
  });
});
