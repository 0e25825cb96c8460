import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../../src/codecs/none.ts';
import { binlogKey } from '../../../../../src/mysql/binlog/archive.ts';
import { completeBinlog } from '../../../../../src/mysql/binlog/follow/complete.ts';
import { isClosed, listTails } from '../../../../../src/mysql/binlog/follow/tail.ts';
import { TailWriter } from '../../../../../src/mysql/binlog/follow/tail-writer.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { createMemoryStorage } from '../../../../../src/storage/memory/memory-storage.ts';
import { makeBinlog } from '../../../../../testtools/made-binlog-file.ts';

const name = 'b.000001';
const transactions = [1, 2, 3].map((number) => ({ gtid: `0-1-${number}`, timestamp: 1000 + number, bytes: 50_000 }));
const { bytes, ...file } = makeBinlog({ timestamp: 1000, transactions, closed: 'rotate' });

async function followed(end: number) {
  const transport = { storage: createMemoryStorage(), codec: noneCodec, crypter: undefined };
  const options = { transport, logger: silentLogger, signal: new AbortController().signal };
  const writer = new TailWriter({ ...options, binlog: name, position: 0 });
  for (let at = 0; at < end; at += 40_000) {
    writer.append(bytes.subarray(at, Math.min(end, at + 40_000)));
    await writer.flush();
  }
  const complete = async (): Promise<void> => {
    const [tail] = await listTails(transport.storage);
    if (tail === undefined) throw new Error('there are no runs');
    await completeBinlog(tail, options);
  };
  return { ...options, complete };
}

describe('completing a followed log', () => {
  it('makes one object of its runs', async () => {
    const { transport, complete, signal } = await followed(bytes.length);
    const [tail] = await listTails(transport.storage);
    expect(tail !== undefined && (await isClosed(transport, tail, { signal }))).toBe(true);
    await complete();
    const stored = await collect(await transport.storage.read(binlogKey(name)));
    expect(stored.equals(bytes)).toBe(true);
    expect(await listTails(transport.storage)).toEqual([]);
  });

  it('leaves one that was pushed meanwhile, and removes what was followed of it', async () => {
    const { transport, complete, signal } = await followed(file.transactions[1]?.end ?? 0);
    const [tail] = await listTails(transport.storage);
    expect(tail !== undefined && (await isClosed(transport, tail, { signal }))).toBe(false);
    const open = Buffer.from(bytes);
    open[21] = 1;
    await transport.storage.write(binlogKey(name), fromBytes(open));
    await complete();
    expect(await listTails(transport.storage)).toEqual([]);
    expect((await collect(await transport.storage.read(binlogKey(name)))).equals(open)).toBe(true);
  });

  it.each([
    ['other content', Buffer.from(bytes).fill(7, 100, 101)],
    ['less of it', bytes.subarray(0, 200)],
  ])('refuses an archive that has %s', async (_, stored) => {
    const { transport, complete } = await followed(file.transactions[1]?.end ?? 0);
    await transport.storage.write(binlogKey(name), fromBytes(stored));
    await expect(complete()).rejects.toThrow(`"${name}" of the archive has other content`);
    expect(await listTails(transport.storage)).toHaveLength(1);
  });
});
