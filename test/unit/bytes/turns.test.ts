import { expect, it } from 'vitest';
import { createTurns } from '../../../src/bytes/turns.ts';

it('a loop of synchronous work lets others have their turn', async () => {
  const controller = new AbortController();
  setImmediate(() => {
    controller.abort();
  });
  const turn = createTurns(1);
  for (let round = 0; !controller.signal.aborted && round < 50_000_000; round += 1) {
    const turned = turn();
    if (turned !== undefined) await turned;
  }
  expect(controller.signal.aborted).toBe(true);
});

it('nothing is awaited within the time allowed', () => {
  const turn = createTurns(60_000);
  expect(Array.from({ length: 100 }, turn).every((turned) => turned === undefined)).toBe(true);
});
