import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { mapConcurrently } from '../../../src/pipeline/concurrency.ts';

it('mapConcurrently keeps the order and never runs more than the limit', async () => {
  let running = 0;
  let most = 0;
  const doubled = await mapConcurrently([5, 1, 3, 0, 2], 2, async (number) => {
    most = Math.max(most, ++running);
    await delay(number);
    running--;
    return number * 2;
  });
  expect(doubled).toEqual([10, 2, 6, 0, 4]);
  expect(most).toBe(2);
});

it('mapConcurrently starts nothing more after a failure and waits for what runs', async () => {
  const started: number[] = [];
  const ended: number[] = [];
  const mapping = mapConcurrently([0, 1, 2, 3], 2, async (number) => {
    started.push(number);
    if (number === 0) throw new Error('first');
    await delay(5);
    ended.push(number);
  });
  await expect(mapping).rejects.toThrow('first');
  expect(started).toEqual([0, 1]);
  expect(ended).toEqual([1]);
});

it('mapConcurrently of nothing is nothing', async () => {
  expect(await mapConcurrently([], 4, () => Promise.reject(new Error('never called')))).toEqual([]);
});
