import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { readArchivedWal } from '../../../../src/postgres/recovery/archived-wal.ts';
import { withPartialEnds } from '../../../../src/postgres/recovery/partial-segments.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { MadeWal } from '../../../../testtools/made-wal.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const segmentBytes = 1 << 20;
const signal = new AbortController().signal;

describe('the partial segments of an archive', () => {
  it('end behind the beginning of their last whole record; damaged ones and those of whole segments do not count', async () => {
    const wal = new MadeWal({ segmentBytes });
    let last = 0;
    while (wal.position < 1.4 * segmentBytes) last = wal.add({ data: new Uint8Array(200).fill(7) });
    const cut = wal.position;
    for (let more = 0; more < 50; more += 1) wal.add({ data: new Uint8Array(200).fill(7) });
    wal.fill();
    const [only] = wal.segments();
    const partial = Buffer.from(only ?? '');
    // The stream came to the middle of a record.
    partial.fill(0, cut - segmentBytes + 60);
    const storage = createMemoryStorage();
    await storage.write('wal_005/000000010000000000000001.partial', fromBytes(partial));
    await storage.write('wal_005/000000010000000000000002.partial.lz4', fromBytes(Buffer.from('no lz4')));
    await storage.write('wal_005/000000010000000000000003.partial', fromBytes(partial));
    await storage.write('wal_005/000000010000000000000003', fromBytes(partial));
    const transport = { storage, codec: noneCodec, crypter: undefined };
    const logger = recordingLogger();
    const archived = await readArchivedWal(transport, segmentBytes, { signal });
    const { partials } = await withPartialEnds(archived, { transport, logger, signal });
    expect(partials?.get(1)).toEqual(
      new Map([[1n, { key: 'wal_005/000000010000000000000001.partial', end: BigInt(last) + 1n }]]),
    );
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});
