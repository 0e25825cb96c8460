import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localPool, plainTransport } from '../../../../testtools/made-backup.ts';
import {
  madeIncrement,
  makeChain,
  plainPage,
  restoreChain,
  type MadeFile,
  type MadeLink,
} from '../../../../testtools/made-chain.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import type { WorkerPool } from '../../../../src/pipeline/worker-pool.ts';

/** On a busy machine fewer runs will do. */
const limits = { numRuns: 100, interruptAfterTimeLimit: 5000, endOnFailure: true };

let temporary: TemporaryDirectory;
beforeAll(async () => {
  temporary = await temporaryDirectory();
});
afterAll(() => temporary[Symbol.asyncDispose]());

/** What happens to a file between two backups. */
interface Change {
  readonly what: 'nothing' | 'pages' | 'resize' | 'replace' | 'vanish' | 'cut';
  /** Pages after it, for what makes a file or changes its size. */
  readonly pages: number;
  /** Bits: pages that change. */
  readonly touched: number;
  /** Bits: pages that are stored though they are as they were. */
  readonly extra: number;
  /** How the file is stored where there is a choice. */
  readonly stored: 'whole' | 'increment' | 'skipped';
  readonly part: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom('nothing', 'pages', 'pages', 'resize', 'resize', 'replace', 'vanish', 'cut'),
  pages: fc.nat({ max: 9 }),
  touched: fc.nat({ max: 1023 }),
  extra: fc.nat({ max: 1023 }),
  stored: fc.constantFrom('whole', 'increment', 'increment', 'skipped'),
  part: fc.integer({ min: 1, max: 4 }),
});
const fileNames = ['/base/5/100', '/base/5/100.1', '/base/5/200', '/base/5/300'];
/** By backup: what happened to each file since the one before. */
const history = fc.array(fc.tuple(change, change, change, change), { minLength: 1, maxLength: 6 });

/** The pages of a file by what they are filled with, and a piece of a page behind them. */
interface Content {
  readonly pages: readonly number[];
  readonly rest: number;
}

/** What a chain is made of, and what must come of it. */
interface Model {
  readonly links: readonly MadeLink[];
  readonly final: ReadonlyMap<string, Content>;
}

function modelOf(steps: readonly (readonly Change[])[], recordsParts: boolean): Model {
  let value = 0;
  const next = (): number => (value = (value % 255) + 1);
  let before = new Map<string, Content>();
  const links = steps.map((changes, step): MadeLink => {
    const after = new Map<string, Content>();
    const files: (MadeFile & { readonly part: number })[] = [];
    changes.forEach((how, index) => {
      const name = fileNames[index] ?? '';
      const old = before.get(name);
      const now = changed(old, how, next);
      if (now === undefined) return;
      after.set(name, now);
      files.push({ ...storedAs(name, { old, now, how }, step === 0), part: how.part });
    });
    before = after;
    const stored = files.filter(({ kind }) => kind !== 'skipped');
    return { files, partOf: (index) => stored[index]?.part ?? 1, recordsParts };
  });
  return { links, final: before };
}

function changed(old: Content | undefined, { what, pages, touched }: Change, next: () => number): Content | undefined {
  if (what === 'vanish') return undefined;
  if (old === undefined || what === 'replace') return { pages: Array.from({ length: pages }, next), rest: 0 };
  if (what === 'nothing') return old;
  if (what === 'cut') return { pages: old.pages, rest: touched % 100 };
  const length = what === 'resize' ? pages : old.pages.length;
  const isNew = (page: number): boolean => ((touched >> page) & 1) === 1;
  return {
    pages: Array.from({ length }, (_, page) => (isNew(page) ? next() : (old.pages[page] ?? next()))),
    rest: 0,
  };
}

function bytesOf({ pages, rest }: Content): Buffer {
  return Buffer.concat([...pages.map(plainPage), Buffer.alloc(rest, 0xee)]);
}

function storedAs(
  name: string,
  { old, now, how }: { readonly old: Content | undefined; readonly now: Content; readonly how: Change },
  isFull: boolean,
): MadeFile {
  const whole: MadeFile = { kind: 'whole', name, content: bytesOf(now) };
  if (isFull || old === undefined || how.stored === 'whole') return whole;
  if (how.stored === 'skipped' && bytesOf(old).equals(bytesOf(now))) return { kind: 'skipped', name };
  if (now.rest > 0) return whole;
  const blocks = now.pages.flatMap((value, page): [number, Uint8Array][] =>
    old.pages[page] !== value || ((how.extra >> page) & 1) === 1 ? [[page, plainPage(value)]] : [],
  );
  return { kind: 'increment', name, content: madeIncrement(now.pages.length, blocks) };
}

/** Looks, whenever a part has been unpacked, that nothing is larger than in the end. */
function watching(pool: WorkerPool, look: () => void): WorkerPool {
  return {
    ...pool,
    async run<R>(job: Parameters<WorkerPool['run']>[0]) {
      const result = await pool.run<R>(job);
      look();
      return result;
    },
  };
}

function filesIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(directory, path)).isFile(),
  );
}

describe('a chain of backups', () => {
  it('gives the same bytes in both orders, whatever changed and however it is stored', async () => {
    const property = fc.asyncProperty(
      history,
      fc.record({ newestFirst: fc.boolean(), skipRedundantParts: fc.boolean(), recordsParts: fc.boolean() }),
      async (steps, { recordsParts, ...options }) => {
        const { links, final } = modelOf(steps, recordsParts);
        const transport = plainTransport();
        const newest = await makeChain(transport.storage, links);
        const destination = mkdtempSync(join(temporary.path, 'restored-'));
        const sizes = new Map([...final].map(([name, content]) => [name.slice(1), bytesOf(content).length]));
        const pool = watching(localPool(transport), () => {
          if (!options.newestFirst) return;
          for (const path of filesIn(destination)) {
            expect(statSync(join(destination, path)).size, path).toBeLessThanOrEqual(sizes.get(path) ?? -1);
          }
        });

        await restoreChain(transport, newest, { destination, pool, ...options });

        for (const [name, content] of final) {
          expect(readFileSync(join(destination, name)).equals(bytesOf(content)), name).toBe(true);
        }
        const restored = filesIn(destination).filter((path) => path.startsWith('base/'));
        expect(restored.toSorted()).toEqual([...sizes.keys()].toSorted());
        rmSync(destination, { recursive: true, force: true });
      },
    );
    await fc.assert(property, limits);
  }, 60_000);

  it('that lacks a page is refused in both orders, and cannot be started', async () => {
    const property = fc.asyncProperty(history, fc.nat(), fc.nat(), async (steps, atFile, atBlock) => {
      const { links } = modelOf(steps, false);
      const damaged = withoutPage(links, atFile, atBlock);
      fc.pre(damaged !== undefined);
      const outcomes: unknown[] = [];
      for (const newestFirst of [true, false]) {
        const transport = plainTransport();
        const newest = await makeChain(transport.storage, damaged);
        const destination = mkdtempSync(join(temporary.path, 'damaged-'));
        const outcome = await restoreChain(transport, newest, { destination, newestFirst }).then(
          () => filesIn(destination).map((path) => [path, readFileSync(join(destination, path), 'latin1')]),
          (error: unknown) => {
            expect(error).toMatchObject({ kind: 'corrupt' });
            expect(existsSync(join(destination, 'global/pg_control'))).toBe(false);
            return 'refused';
          },
        );
        outcomes.push(outcome);
        rmSync(destination, { recursive: true, force: true });
      }
      // Where a newer backup brings the page, nobody misses it; who begins with the oldest cannot know that.
      const [newestFirst, oldestFirst] = outcomes;
      if (oldestFirst !== 'refused') expect(newestFirst).toEqual(oldestFirst);
    });
    await fc.assert(property, limits);
  }, 60_000);
});

/** The chain with one page less in one of its increments. */
function withoutPage(links: readonly MadeLink[], atFile: number, atBlock: number): readonly MadeLink[] | undefined {
  const places = links.flatMap(({ files }, link) =>
    files.flatMap((file, index) =>
      file.kind === 'increment' && Buffer.from(file.content).readUInt32LE(12) > 0 ? [{ link, index, file }] : [],
    ),
  );
  const place = places[atFile % Math.max(1, places.length)];
  if (place === undefined) return undefined;
  const bytes = Buffer.from(place.file.content);
  const count = bytes.readUInt32LE(12);
  const blocks = Array.from({ length: count }, (_, index): [number, Uint8Array] => {
    const start = 16 + 4 * count + index * 8192;
    return [bytes.readUInt32LE(16 + 4 * index), bytes.subarray(start, start + 8192)];
  }).filter((_, index) => index !== atBlock % count);
  const content = madeIncrement(Number(bytes.readBigUInt64LE(4)) / 8192, blocks);
  return links.map((link, at) =>
    at === place.link
      ? { ...link, files: link.files.map((file, index) => (index === place.index ? { ...place.file, content } : file)) }
      : link,
  );
}
