import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../../src/codecs/none.ts';
import { listTails, openTail } from '../../../../../src/mysql/binlog/follow/tail.ts';
import { TailWriter } from '../../../../../src/mysql/binlog/follow/tail-writer.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { createMemoryStorage } from '../../../../../src/storage/memory/memory-storage.ts';
import { seededRandom } from '../../../../../testtools/seeded-random.ts';

const longRunBytes = 3 << 20;

function rig(position = 0) {
  const transport = { storage: createMemoryStorage(), codec: noneCodec, crypter: undefined };
  const writer = new TailWriter({
    ...{ transport, binlog: 'b.000001', position, longRunBytes },
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  return { transport, writer };
}

describe('storing the end of a binary log', () => {
  it('keeps every byte that was flushed, in few objects', async () => {
    const { transport, writer } = rig();
    const random = seededRandom(7);
    const all: Buffer[] = [];
    for (let turn = 0; turn < 400; turn++) {
      const piece = Buffer.alloc(1 + Math.floor(random() * 60_000), turn % 251);
      all.push(piece);
      writer.append(piece);
      await writer.flush();
      expect(writer.stored).toBe(writer.position);
    }
    const [tail] = await openTail(transport);
    const whole = Buffer.concat(all);
    expect(tail?.sizeBytes).toBe(whole.length);
    expect((await collect(tail?.open() ?? fromBytes(Buffer.alloc(0)))).equals(whole)).toBe(true);
    const [stored] = await listTails(transport.storage);
    expect(stored?.keys.length).toBe(stored?.chain.length);
    expect(stored?.keys.length).toBeLessThan(whole.length / longRunBytes + 7 * 4);
  });

  it('goes on where an earlier run has ended, and takes what comes while it stores', async () => {
    const { transport, writer } = rig();
    writer.append(Buffer.from('begin'));
    await writer.flush();
    const next = new TailWriter({
      ...{ transport, binlog: 'b.000001', position: 5, logger: silentLogger },
      signal: new AbortController().signal,
      longRunBytes: 4,
    });
    next.append(Buffer.from('ning'));
    const flushing = next.flush();
    next.append(Buffer.from(', end'));
    await Promise.all([flushing, next.flush(), next.flush()]);
    expect([next.stored, next.position]).toEqual([14, 14]);
    const [tail] = await openTail(transport);
    expect((await collect(tail?.open() ?? fromBytes(Buffer.alloc(0)))).toString()).toBe('beginning, end');
  });
});
