import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../../src/bytes/stage.ts';
import { dealOut } from '../../../src/stream/deal-out.ts';
import { putTogether } from '../../../src/stream/put-together.ts';
import { cutAt, madeBytes } from '../../../testtools/byte-sources.ts';

const cases = fc.record({
  length: fc.nat(4000),
  cuts: fc.array(fc.nat(4000), { maxLength: 8 }),
  partitions: fc.integer({ min: 1, max: 7 }),
  blockBytes: fc.integer({ min: 1, max: 900 }),
  maxFileBytes: fc.option(fc.integer({ min: 1, max: 2000 }), { nil: undefined }),
});

describe('a stream that is dealt out', () => {
  it('comes back the same, whatever the number of parts, the size of blocks and files, and the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ length, cuts, partitions, blockBytes, maxFileBytes }) => {
        const bytes = madeBytes(length);
        const files = new Map<string, Buffer>();
        const places = cuts.filter((cut) => cut < length);
        await dealOut(cutAt(bytes, places), {
          kind: 'split',
          partitions,
          blockBytes,
          maxFileBytes,
          store: async (part, file, body) => {
            const content = await collect(body);
            expect(content.length).toBeLessThanOrEqual(maxFileBytes ?? length);
            files.set(`${part}/${file ?? ''}`, content);
          },
        });
        const parts = Array.from({ length: partitions }, (_one, part) => lent(files, part, maxFileBytes));
        expect((await collect(putTogether(parts, blockBytes))).equals(bytes)).toBe(true);
        expect([...files.values()].reduce((sum, { length: size }) => sum + size, 0)).toBe(length);
      }),
      { numRuns: 200 },
    );
  });

  it('is found out when the end of any part is missing', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(6), fc.integer({ min: 1, max: 500 }), async (layout, which, missing) => {
        const { length, partitions, blockBytes } = layout;
        fc.pre(length > 0 && partitions > 1);
        const parts: Buffer[] = [];
        await dealOut(cutAt(madeBytes(length), []), {
          kind: 'split',
          partitions,
          blockBytes,
          maxFileBytes: undefined,
          store: async (part, _file, body) => void (parts[part] = await collect(body)),
        });
        const cut = which % partitions;
        const kept = (parts[cut]?.length ?? 0) - missing;
        const lastBlock = Math.ceil(length / blockBytes) - 1;
        // What is missing at the very end of the stream, nothing but its length can tell.
        const isEnd = lastBlock % partitions === cut && missing <= length - lastBlock * blockBytes;
        fc.pre(kept >= 0 && !isEnd);
        const damaged = parts.map((part, index) => cutAt(index === cut ? part.subarray(0, kept) : part, []));
        await expect(collect(putTogether(damaged, blockBytes))).rejects.toThrow(/ends too early/);
      }),
      { numRuns: 100 },
    );
  });
});

async function* lent(files: ReadonlyMap<string, Buffer>, part: number, max: number | undefined): ByteSource {
  for (let file = 0; ; file += 1) {
    const content = files.get(`${part}/${max === undefined ? '' : file}`);
    if (content === undefined) return;
    yield* cutAt(content, [content.length >> 1]);
    if (max === undefined) return;
  }
}
