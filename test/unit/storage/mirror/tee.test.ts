import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { teeOf } from '../../../../src/storage/mirror/tee.ts';

const never = 600_000;

function tee(
  source: ByteSource,
  readers: number,
  patienceMs = never,
  onLate: (reader: number) => void = () => undefined,
) {
  return teeOf(source, { readers, patienceMs, onLate });
}

/** Lends one buffer, as the sources for bulk do. */
async function* lending(count: number, closed: { by?: string } = {}): ByteSource {
  const block = Buffer.alloc(1000);
  try {
    for (let index = 0; index < count; index += 1) {
      block.fill(index);
      yield await Promise.resolve(block);
    }
    closed.by = 'its end';
  } finally {
    closed.by ??= 'its readers';
  }
}

/** Takes one chunk and stops. */
async function firstOf(source: ByteSource | undefined): Promise<number> {
  for await (const chunk of source ?? []) return chunk.length;
  return 0;
}

const expected = Buffer.concat(Array.from({ length: 50 }, (_, index) => Buffer.alloc(1000, index)));

describe('a source with several readers', () => {
  it('gives each of them all of it, however fast they read', async () => {
    const { branches } = tee(lending(50), 3);
    const slowly = async (source: ByteSource, turns: number): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of source) {
        for (let index = 0; index < turns; index += 1) await turn();
        chunks.push(Buffer.from(chunk));
      }
      return Buffer.concat(chunks);
    };
    const all = await Promise.all(branches.map(({ body }, index) => slowly(body, index * 3)));
    for (const bytes of all) expect(bytes.equals(expected)).toBe(true);
  });

  it('reads nothing ahead: the next chunk comes when all have done with the last one', async () => {
    let pulled = 0;
    async function* source(): ByteSource {
      for (;;) {
        pulled += 1;
        yield await Promise.resolve(Buffer.alloc(10));
      }
    }
    const { branches } = tee(source(), 2);
    const [a, b] = branches.map(({ body }) => body[Symbol.asyncIterator]());
    const first = a?.next();
    await turn();
    expect(pulled).toBe(0);
    await b?.next();
    await first;
    const second = a?.next();
    await turn();
    expect(pulled).toBe(1);
    await b?.next();
    await second;
    expect(pulled).toBe(2);
    for (const { leave } of branches) leave();
  });

  it('goes on without those that leave, and closes when the last one does', async () => {
    const closed: { by?: string } = {};
    const { branches, closed: end } = tee(lending(50, closed), 3);
    branches[1]?.leave();
    const reading = collect(branches[0]?.body ?? fromBytes(Buffer.alloc(0)));
    await firstOf(branches[2]?.body);
    expect((await reading).equals(expected)).toBe(true);
    branches[0]?.leave();
    await end;
    expect(closed.by).toBe('its end');

    const early: { by?: string } = {};
    const other = tee(lending(50, early), 2);
    await Promise.all(other.branches.map(({ body }) => firstOf(body)));
    await other.closed;
    expect(early.by).toBe('its readers');
  });

  it('closes a source that nobody began to read', async () => {
    const { branches, closed, failure } = tee(lending(5), 2);
    for (const { leave } of branches) leave();
    await closed;
    expect(failure).toBeUndefined();
  });

  it('tells all of them when the source breaks', async () => {
    const error = new Error('source broke');
    async function* breaking(): ByteSource {
      yield await Promise.resolve(Buffer.alloc(10));
      throw error;
    }
    const made = tee(breaking(), 2);
    const results = await Promise.allSettled(made.branches.map(({ body }) => collect(body)));
    for (const result of results) expect(result).toEqual({ status: 'rejected', reason: error });
    expect(made.failure).toEqual({ error });
  });

  it('tells who keeps the others waiting, and only then', async () => {
    const late: number[] = [];
    const made = tee(lending(50), 2, 5, (reader) => {
      late.push(reader);
      made.branches[reader]?.leave();
    });
    expect((await collect(made.branches[0]?.body ?? fromBytes(Buffer.alloc(0)))).equals(expected)).toBe(true);
    expect(late).toEqual([1]);
    made.branches[0]?.leave();
    await made.closed;
  });
});
