import { describe, expect, it } from 'vitest';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { linkName, madeIncrement, makeChain, type MadeFile, type MadeLink } from '../../../../testtools/made-chain.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { readChain } from '../../../../src/postgres/restore/chain.ts';
import { planChain, type ChainPlan, type ChainPlanServices } from '../../../../src/postgres/restore/chain-plan.ts';
import { openWanted } from '../../../../src/postgres/restore/wanted.ts';

const { signal } = new AbortController();

async function planOf(links: readonly MadeLink[], given: Partial<ChainPlanServices> = {}): Promise<ChainPlan> {
  const transport = plainTransport();
  const newest = await makeChain(transport.storage, links);
  const chain = await readChain(transport.storage, newest, { signal });
  return planChain({ transport, logger: silentLogger, signal, skipRedundantParts: true, ...given }, chain);
}

/** What is taken, by backup, the newest first. */
function actionsOf({ steps, names }: ChainPlan): unknown {
  return steps.map(({ files }) =>
    Object.fromEntries(
      [...(names?.entries() ?? [])]
        .filter(([, name]) => name !== '')
        .flatMap(([number, name]) => {
          const action = files?.actionOf(number);
          return action === undefined ? [] : [[name, action]];
        }),
    ),
  );
}

function partsOf({ steps }: ChainPlan): unknown {
  return steps.map(({ plan }) => plan.parts.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)).toSorted());
}

const whole = (name: string): MadeFile => ({ kind: 'whole', name: `/${name}`, content: 'x' });
const skipped = (name: string): MadeFile => ({ kind: 'skipped', name: `/${name}` });
const increment = (name: string): MadeFile => ({ kind: 'increment', name: `/${name}`, content: madeIncrement(1, []) });
const inOwnParts = { partOf: (index: number) => index + 2, recordsParts: true };

const links: readonly MadeLink[] = [
  { files: [whole('a'), whole('b'), whole('c'), whole('gone')], ...inOwnParts },
  { files: [increment('a'), skipped('b'), whole('c')], ...inOwnParts },
  { files: [increment('a'), increment('b'), increment('c'), whole('new')], ...inOwnParts },
];

describe('the plan of a chain', () => {
  it('takes each file whole from the newest backup that has it so, and the increments above', async () => {
    const plan = await planOf(links);
    expect(plan.steps.map(({ backup }) => backup)).toEqual([linkName(2), linkName(1), linkName(0)]);
    expect(actionsOf(plan)).toEqual([
      { a: 'increment', b: 'increment', c: 'increment', new: 'whole' },
      { a: 'increment', c: 'whole' },
      { a: 'whole', b: 'whole' },
    ]);
  });

  it('leaves out parts of which nothing is needed', async () => {
    const all = ['part_002.tar', 'part_003.tar', 'part_004.tar', 'part_005.tar'];
    expect(partsOf(await planOf(links))).toEqual([
      ['part_001.tar', ...all],
      ['part_002.tar', 'part_003.tar'],
      ['part_002.tar', 'part_003.tar'],
    ]);
    expect(partsOf(await planOf(links, { skipRedundantParts: false }))).toEqual([
      ['part_001.tar', ...all],
      ['part_001.tar', 'part_002.tar', 'part_003.tar'],
      ['part_001.tar', ...all],
    ]);
  });

  it('fetches nothing of a backup that has nothing to give', async () => {
    const plan = await planOf([{ files: [whole('a')] }, { files: [whole('a')] }]);
    expect(partsOf(plan)).toEqual([['part_001.tar'], []]);
    expect(plan.steps[1]?.plan.totalBytes).toBe(0);
  });

  it('takes only what is wanted', async () => {
    const plan = await planOf(links, { isWanted: (path) => path === 'b' });
    expect(actionsOf(plan)).toEqual([{ b: 'increment' }, {}, { b: 'whole' }]);
    expect(partsOf(plan)).toEqual([['part_003.tar'], [], ['part_003.tar']]);
  });

  it('refuses a file that is said to be skipped and an increment', async () => {
    const both: MadeLink = { files: [increment('a'), skipped('a')] };
    await expect(planOf([{ files: [whole('a')] }, both])).rejects.toThrow(/calls "\/a" skipped and an increment/);
  });
});

describe('what a thread knows of the plan', () => {
  it('notes members that came, and does not know others', async () => {
    const { steps, names } = await planOf(links);
    const [{ files }] = steps;
    const [shared, states] = [names?.shared, files?.shared];
    if (shared === undefined || states === undefined) throw new Error('no files');
    const wanted = openWanted({ names: shared, files: states, pageMaps: undefined });
    expect([wanted.arrive('a'), wanted.arrive('gone'), wanted.arrive('never')]).toEqual([
      'increment',
      undefined,
      undefined,
    ]);
    expect(wanted.isBegun('a')).toBe(false);
    const missing = new Set(files?.missing());
    expect(
      [...(names?.entries() ?? [])]
        .filter(([number]) => missing.has(number))
        .map(([, name]) => name)
        .toSorted(),
    ).toEqual(['', 'b', 'c', 'new']);
  });
});
