/** Which runs of a binary log lead farthest from its beginning. Pure. */
import type { RunRange } from './run-key.ts';

/**
 * Runs of which each begins where the one before ends, the first one at 0. Runs may overlap: longer ones replace shorter
 * ones, two followers cut differently, and some were not removed; those that lead farthest are taken, and as few of them as
 * can be.
 */
export function longestChain<R extends RunRange>(runs: readonly R[]): readonly R[] {
  const ways = new Map<number, { readonly run: R; readonly length: number }>();
  let farthest = 0;
  for (const run of runs.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const before = run.start === 0 ? 0 : ways.get(run.start)?.length;
    if (before === undefined) continue;
    const known = ways.get(run.end);
    if (known === undefined || known.length > before + 1) ways.set(run.end, { run, length: before + 1 });
    farthest = Math.max(farthest, run.end);
  }
  const chain: R[] = [];
  for (let at = farthest; at > 0; at = chain.at(-1)?.start ?? 0) {
    const run = ways.get(at)?.run;
    if (run === undefined) throw new Error('a chain of runs is broken');
    chain.push(run);
  }
  return chain.reverse();
}
