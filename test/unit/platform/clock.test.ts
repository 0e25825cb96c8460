import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';

describe('the real clock', () => {
  it('never goes back and counts milliseconds', async () => {
    const before = systemClock.monotonicMs();
    await systemClock.sleep(5);
    expect(systemClock.monotonicMs() - before).toBeGreaterThan(1);
  });

  it("stops waiting with the signal's reason", async () => {
    const controller = new AbortController();
    const waiting = systemClock.sleep(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(systemClock.sleep(60_000, controller.signal)).rejects.toThrow('enough');
  });
});
