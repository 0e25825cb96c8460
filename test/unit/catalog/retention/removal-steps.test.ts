import { describe, expect, it } from 'vitest';
import { removalSteps, type GoingBackup } from '../../../../src/catalog/retention/removal-steps.ts';

function going(name: string, parent?: string): GoingBackup {
  const modified = new Date('2026-11-21T12:00:00Z');
  return { name, parent, sentinel: { kind: 'object', key: name, sizeBytes: 1, modified }, objects: [] };
}

function sentinels(backups: readonly GoingBackup[]): readonly (readonly string[])[] {
  const removal = { storageName: undefined, backups, leftovers: [], log: [], others: [] };
  return removalSteps([removal]).map(({ places }) => places.flatMap(({ objects }) => objects.map(({ key }) => key)));
}

describe('the order in which sentinels go', () => {
  it('is that of the longest way to the newest delta', () => {
    const tree = [going('full'), going('a', 'full'), going('b', 'a'), going('c', 'full'), going('other', 'not here')];
    expect(sentinels(tree)).toEqual([['b', 'c', 'other'], ['a'], ['full']]);
  });

  it('is found for chains of any length', () => {
    const names = Array.from({ length: 3000 }, (_, index) => `b${index}`);
    const chain = names.map((name, index) => going(name, names[index - 1]));
    expect(sentinels(chain)).toEqual(names.toReversed().map((name) => [name]));
  });

  it('leaves out none of a chain that leads back to itself', () => {
    const circle = [going('a', 'b'), going('b', 'a'), going('c', 'c'), going('d', 'a')];
    expect(sentinels(circle).flat().sort()).toEqual(['a', 'b', 'c', 'd']);
  });
});
