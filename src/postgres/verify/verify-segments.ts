/** Reads a row of WAL segments, several at once, and joins them: each must go on where the one before ended. */
import { ArchiverError, CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { FoundObject } from '../../pipeline/find-object.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { ChangeListener } from '../wal-records/block-references.ts';
import { layoutOf } from '../wal-records/layout.ts';
import { RecordChain } from '../wal-records/record-chain.ts';
import type { SegmentId } from '../wal-segment.ts';
import type { Budget } from '../../catalog/verify/budget.ts';
import type { ExpectedSegment } from './expected-wal.ts';
import type { Problems } from '../../catalog/verify/problems.ts';
import type { SuspectPage } from '../../catalog/verify/report.ts';
import { verifySegment, type JobServices } from './run-job.ts';
import { createSuspectBlocks } from './suspect-blocks.ts';
import type { VerifiedSegment } from './verify-segment.ts';

/** What it needs. */
export interface SegmentServices extends JobServices {
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly concurrency: number;
  readonly budget: Budget;
}

/** Which segments. */
export interface SegmentsRequest {
  /** Oldest first. */
  readonly segments: readonly ExpectedSegment[];
  readonly segmentBytes: number;
  /** Undefined: not recorded. */
  readonly systemIdentifier: bigint | undefined;
  readonly suspects: readonly SuspectPage[];
  readonly problems: Problems;
  /** What they are joined to; default: nothing. */
  readonly join?: SegmentJoin | undefined;
}

/** The end of a row of segments, to go on with. */
export interface SegmentJoin {
  /** @returns what is wrong with the way the segment follows the one before, if that was read */
  follow(number: bigint, segment: VerifiedSegment): CorruptError | undefined;
  /** The last one could not be read. */
  cut(): void;
}

/** Begins a row. @param listener hears of changes that are recorded over more than one segment */
export function createSegmentJoin(listener: ChangeListener): SegmentJoin {
  let chain = new RecordChain(listener);
  let previous: bigint | undefined;
  return {
    follow(number, { edges, magic }) {
      if (previous !== number - 1n) chain = new RecordChain(listener);
      previous = number;
      try {
        chain.follow(edges, layoutOf(magic));
        return undefined;
      } catch (error) {
        previous = undefined;
        if (error instanceof CorruptError) return error;
        throw error;
      }
    },
    cut() {
      previous = undefined;
    },
  };
}

/** A segment that was read, whole or damaged. */
export interface ReadSegment {
  readonly name: string;
  readonly segment: SegmentId;
  readonly object: FoundObject;
  /** Pages that it brings anew. */
  readonly mended: ReadonlySet<SuspectPage>;
}

/** Hands on each segment that was read, in order; ends where the budget does. @throws the storage's errors */
export async function* verifySegments(
  services: SegmentServices,
  { segments, segmentBytes, systemIdentifier, suspects, problems, join: given }: SegmentsRequest,
): AsyncGenerator<ReadSegment, void> {
  const blocks = createSuspectBlocks(suspects);
  const atOnce = Math.max(1, services.concurrency);
  const join = given ?? createSegmentJoin(blocks.listener);
  for (let first = 0; first < segments.length; first += atOnce) {
    const group = segments.slice(first, first + atOnce).flatMap((one) => {
      const { object } = one;
      return object === undefined || !services.budget.take(object.sizeBytes) ? [] : [{ ...one, object }];
    });
    if (group.length === 0) return;
    const results = await mapConcurrently(group, atOnce, async ({ object, segment, timelines, limit }) => {
      const what = { key: object.key, segment, segmentBytes, systemIdentifier, timelines, limit, suspects };
      return damageOr(() => verifySegment(services, services.pool, { kind: 'verifySegment', ...what }));
    });
    for (const [index, { name, object, segment }] of group.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      const isRead = !(result instanceof ArchiverError);
      const damage = isRead ? join.follow(segment.number, result) : result;
      if (!isRead) join.cut();
      if (damage !== undefined) {
        const what = damage.kind === 'missing' ? 'is missing' : damage.message;
        problems.add({ key: object.key, file: undefined, what });
      }
      if (isRead) blocks.addFound(result.found);
      const mended = new Set([...blocks.found].flatMap((position) => suspects[position] ?? []));
      yield { name, segment, object, mended };
    }
  }
}

async function damageOr<T>(action: () => Promise<T>): Promise<T | ArchiverError> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ArchiverError && (error.kind === 'corrupt' || error.kind === 'missing')) return error;
    throw error;
  }
}
