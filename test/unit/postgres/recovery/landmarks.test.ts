import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import { formatLsn } from '../../../../src/postgres/lsn.ts';
import { formatInstant } from '../../../../src/postgres/recovery/instant.ts';
import { readLandmarks, type Landmark } from '../../../../src/postgres/recovery/landmarks.ts';
import { readObject } from '../../../../testtools/fixture.ts';

async function segment(fixture: string, name: string): Promise<Buffer> {
  const { decompress } = await openCodec('lz4');
  return collect(decompress(fromBytes(readObject(fixture, `wal_005/${name}.lz4`))));
}

async function landmarksOf(bytes: Uint8Array, chunkBytes = 65_536): Promise<readonly Landmark[]> {
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; at < bytes.length; at += chunkBytes)
      yield await Promise.resolve(bytes.subarray(at, at + chunkBytes));
  }
  const found: Landmark[] = [];
  for await (const landmark of readLandmarks(chunks())) found.push(landmark);
  return found;
}

const shown = ({ kind, lsn, instant, xid, name }: Landmark): string =>
  [kind, formatLsn(lsn), formatInstant(instant), xid, name].join(' ');

describe('readLandmarks', () => {
  it('finds the ends of transactions in a segment of a real server', async () => {
    const found = await landmarksOf(await segment('pg15-lz4-delta', '000000010000000000000008'));
    expect(found.map(shown)).toEqual([
      'transaction 0/800DA48 2026-11-21 03:31:56.65057+00 776 ',
      'transaction 0/8011C40 2026-11-21 03:31:56.651235+00 777 ',
      'transaction 0/80127A0 2026-11-21 03:32:00.625276+00 778 ',
      'transaction 0/80144B0 2026-11-21 03:32:00.62635+00 779 ',
      'transaction 0/8019C20 2026-11-21 03:32:00.628763+00 780 ',
    ]);
  });

  it.each([
    ['pg15-lz4-delta', '000000010000000000000007', 'rp_one', '2026-11-21 03:31:55.016425+00'],
    ['pg15-lz4-delta', '00000002000000000000000C', 'rp_two', '2026-11-21 03:32:06.257976+00'],
    ['pg17-lz4-delta', '000000010000000000000005', 'rp17', '2026-11-21 03:30:49.928839+00'],
  ])('finds the restore point in segment %s/%s', async (fixture, name, restorePoint, time) => {
    const found = await landmarksOf(await segment(fixture, name));
    const points = found.filter(({ kind }) => kind === 'restore point');
    expect(points.map((point) => [point.name, formatInstant(point.instant)])).toEqual([[restorePoint, time]]);
  });

  it('finds the same whatever the chunks are', async () => {
    const bytes = await segment('pg17-lz4-delta', '000000010000000000000005');
    const found = (await landmarksOf(bytes)).map(shown);
    expect(found.length).toBeGreaterThan(0);
    for (const chunkBytes of [997, 8192, bytes.length]) {
      expect((await landmarksOf(bytes, chunkBytes)).map(shown)).toEqual(found);
    }
  });

  it('ends quietly at anything that is no WAL', async () => {
    expect(await landmarksOf(new Uint8Array(0))).toEqual([]);
    expect(await landmarksOf(new Uint8Array(100_000))).toEqual([]);
    expect(await landmarksOf(Buffer.from('hello'))).toEqual([]);
    const bytes = await segment('pg15-lz4-delta', '000000010000000000000008');
    const cut = await landmarksOf(bytes.subarray(0, 50_001));
    expect(cut.map(shown)).toEqual((await landmarksOf(bytes)).map(shown).slice(0, cut.length));
  });

  it('goes on behind a record that a crash cut off and whose rest was never written', async () => {
    // As the server does when it comes up (XLP_FIRST_IS_OVERWRITE_CONTRECORD): the next page begins with another record.
    const bytes = await segment('pg15-lz4-delta', '000000010000000000000008');
    const all = await landmarksOf(bytes);
    const pageBytes = 8192;
    const cut = Number(all[1]?.lsn ?? 0n) % bytes.length;
    const next = Math.ceil(cut / pageBytes) * pageBytes;
    const made = Buffer.from(bytes);
    made.writeUInt32LE(100_000, cut);
    made[cut + 17] = 10;
    made.fill(0, cut + 24, next);
    const goesOn = Number(all[2]?.lsn ?? 0n) % bytes.length;
    const record = bytes.subarray(goesOn, goesOn + bytes.readUInt32LE(goesOn));
    made.writeUInt16LE(0x0008, next + 2);
    made.fill(0, next + 24, next + pageBytes);
    record.copy(made, next + 24);
    const found = await landmarksOf(made);
    expect(found.map(({ xid }) => xid)).toEqual([776, 778]);
    expect(found[1]?.lsn).toBe((all[0]?.lsn ?? 0n) - ((all[0]?.lsn ?? 0n) % BigInt(bytes.length)) + BigInt(next + 24));
  });

  it('never hangs or crashes on a damaged segment', async () => {
    const bytes = await segment('pg15-lz4-delta', '000000010000000000000008');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { maxLength: 20 }), async (changes) => {
        const damaged = Buffer.from(bytes.subarray(0, 200_000));
        for (const [at, value] of changes) damaged[at] = value;
        await landmarksOf(damaged);
      }),
      { numRuns: 30 },
    );
  });
});
