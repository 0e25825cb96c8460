import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkIntegrity, type IntegrityRequest } from '../../../../src/postgres/wal-report/integrity.ts';
import type { ListedWal } from '../../../../src/postgres/wal-report/listed-wal.ts';
import { SegmentCollector } from '../../../../src/postgres/wal-report/segment-runs.ts';

interface Archive {
  readonly present: readonly (readonly [timeline: number, number: number])[];
  readonly current: readonly [timeline: number, number: number];
  readonly switches: readonly (readonly [timeline: number, number: number])[];
  readonly stop: number;
  readonly maxDelayed: number;
  readonly maxUploading: number;
  readonly withoutBackups: boolean;
}

const archives: fc.Arbitrary<Archive> = fc.record({
  present: fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 40 })), { maxLength: 120 }),
  current: fc.tuple(fc.constant(4), fc.integer({ min: 0, max: 41 })),
  switches: fc
    .uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 3 })
    .map((numbers) => numbers.sort((a, b) => a - b).map((number, index) => [index + 1, number] as const)),
  stop: fc.integer({ min: 0, max: 40 }),
  maxDelayed: fc.integer({ min: 0, max: 5 }),
  maxUploading: fc.integer({ min: 1, max: 5 }),
  withoutBackups: fc.boolean(),
});

/** Segment by segment, as the specification describes it. */
function stepwise(archive: Archive): readonly (readonly [timeline: number, number: number, status: string])[] {
  const has = (timeline: number, number: number) => archive.present.some(([t, n]) => t === timeline && n === number);
  let [timeline, number] = archive.current;
  const scanned: [number, number, string][] = [];
  function step(missing: string): boolean {
    const older = archive.switches.find(([, at]) => at === number)?.[0];
    if (older !== undefined && older < timeline && !has(timeline, number - 1)) timeline = older;
    number -= 1;
    const found = has(timeline, number);
    scanned.push([timeline, number, found ? 'FOUND' : missing]);
    return found;
  }
  for (let delayed = 0; delayed < archive.maxDelayed && number > archive.stop; delayed += 1) {
    if (step('MISSING_DELAYED')) break;
  }
  for (let uploading = 0; uploading < archive.maxUploading && number > archive.stop; uploading += 1) {
    step('MISSING_UPLOADING');
  }
  while (number > archive.stop) step('MISSING_LOST');
  return scanned.reverse();
}

function statusOf(scanned: ReturnType<typeof stepwise>, withoutBackups: boolean): string {
  const firstFound = scanned.findIndex(([, , status]) => status === 'FOUND');
  const lost = scanned.findLastIndex(([, , status]) => status === 'MISSING_LOST');
  const isLoss = withoutBackups ? firstFound !== -1 && lost > firstFound : lost !== -1;
  return isLoss ? 'FAILURE' : scanned.some(([, , status]) => status !== 'FOUND') ? 'WARNING' : 'OK';
}

function listed(archive: Archive): ListedWal {
  const segments = new SegmentCollector();
  for (const [timeline, number] of archive.present) segments.add({ timeline, number: BigInt(number) });
  return {
    segmentBytes: 1 << 24,
    segments: segments.runs(),
    histories: new Map(),
    unreadableHistories: new Map(),
    misfit: undefined,
    highestTimeline: 4,
  };
}

function requestOf({ current, stop, switches, ...limits }: Archive): IntegrityRequest {
  return {
    ...limits,
    current: { timeline: current[0], number: BigInt(current[1]) },
    stop: BigInt(stop),
    switches: switches.map(([timeline, number]) => ({ timeline, number: BigInt(number) })).reverse(),
    onIgnored: () => undefined,
  };
}

it('whole stretches come to the same as looking at one segment after the other', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(archives, (archive) => {
      const { status, stretches } = checkIntegrity(listed(archive), requestOf(archive));
      const each = stretches.flatMap((one) =>
        Array.from(
          { length: Number(one.last - one.first) + 1 },
          (_, index) => [one.timeline, Number(one.first) + index, one.status] as const,
        ),
      );
      const expected = stepwise(archive);
      expect(each).toEqual(expected);
      expect(status).toBe(statusOf(expected, archive.withoutBackups));
      for (const [index, one] of stretches.entries()) {
        const next = stretches[index + 1];
        expect(next?.timeline === one.timeline && next.status === one.status).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});
