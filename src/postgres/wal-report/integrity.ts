/**
 * Whether all WAL from the oldest backup to the present is archived: the check `integrity` of `wal-verify`
 * (`postgres-commands.md` 13.1 of the specification). Pure.
 */
import type { SegmentId } from '../wal-segment.ts';
import { segmentsOfTimeline, type ListedWal } from './listed-wal.ts';
import { splitDownwards } from './segment-runs.ts';
import { stretchesBack, type SegmentSwitch, type Stretch } from './way-back.ts';

/** What a check comes to. */
export type CheckStatus = 'OK' | 'WARNING' | 'FAILURE';

/** `DELAYED`: not handed to the archiver yet, perhaps; `UPLOADING`: on its way, perhaps. */
export type SegmentStatus = 'FOUND' | 'MISSING_DELAYED' | 'MISSING_UPLOADING' | 'MISSING_LOST';

/** Segments of one timeline that are alike. */
export interface ScannedStretch extends Stretch {
  readonly status: SegmentStatus;
}

/** What was found. */
export interface IntegrityReport {
  readonly status: CheckStatus;
  /** Ascending; none when there was nothing to look for. */
  readonly stretches: readonly ScannedStretch[];
}

/** What to check. */
export interface IntegrityRequest {
  /** Not archived yet, so that it is not looked for. */
  readonly current: SegmentId;
  /** The oldest segment that is wanted. */
  readonly stop: bigint;
  /** There is no backup that `stop` could come from: what is missing before the first segment found is no loss. */
  readonly withoutBackups: boolean;
  readonly switches: readonly SegmentSwitch[];
  /** `WALG_INTEGRITY_MAX_DELAYED_WALS` */
  readonly maxDelayed: number;
  /** `WALG_UPLOAD_CONCURRENCY` */
  readonly maxUploading: number;
  /** As in `stretchesBack`. */
  readonly onIgnored: (followed: SegmentId) => void;
}

/** Looks for the segments; the work goes with the gaps of the archive, not with its segments. */
export function checkIntegrity(wal: ListedWal, request: IntegrityRequest): IntegrityReport {
  const { current, maxDelayed, maxUploading, onIgnored } = request;
  const scan = new Scan(
    [...stretchesBack(wal, current, request, onIgnored)].flatMap((stretch) =>
      [...splitDownwards(segmentsOfTimeline(wal, stretch.timeline), stretch)].map((piece) => ({
        timeline: stretch.timeline,
        ...piece,
      })),
    ),
  );
  scan.take('MISSING_DELAYED', { atMost: BigInt(maxDelayed), untilFound: true });
  scan.take('MISSING_UPLOADING', { atMost: BigInt(maxUploading) });
  scan.take('MISSING_LOST', {});
  const stretches = scan.ascending();
  return { status: statusOf(stretches, request), stretches };
}

interface Piece extends Stretch {
  readonly found: boolean;
}

/** Goes through pieces from the newest on, and gives each a status. */
class Scan {
  readonly #ahead: Piece[];
  readonly #scanned: ScannedStretch[] = [];

  /** @param downwards the newest first */
  constructor(downwards: readonly Piece[]) {
    this.#ahead = downwards.toReversed();
  }

  /** Takes some segments, and says what those are that are not there. */
  take(
    missing: SegmentStatus,
    { atMost, untilFound = false }: { readonly atMost?: bigint; readonly untilFound?: boolean },
  ) {
    let left = atMost;
    for (let piece = this.#ahead.pop(); piece !== undefined; piece = this.#ahead.pop()) {
      const { timeline, found, first, last } = piece;
      if (left === 0n) {
        this.#ahead.push(piece);
        return;
      }
      const limit = found && untilFound ? 1n : left;
      const lowest = limit === undefined || last - limit + 1n < first ? first : last - limit + 1n;
      if (lowest > first) this.#ahead.push({ timeline, found, first, last: lowest - 1n });
      this.#add({ timeline, first: lowest, last, status: found ? 'FOUND' : missing });
      if (found && untilFound) return;
      if (left !== undefined) left -= last - lowest + 1n;
    }
  }

  ascending(): readonly ScannedStretch[] {
    return this.#scanned.toReversed();
  }

  #add(stretch: ScannedStretch): void {
    const above = this.#scanned.at(-1);
    const isSame = above?.timeline === stretch.timeline && above.status === stretch.status;
    if (isSame) this.#scanned[this.#scanned.length - 1] = { ...above, first: stretch.first };
    else this.#scanned.push(stretch);
  }
}

function statusOf(ascending: readonly ScannedStretch[], { withoutBackups }: IntegrityRequest): CheckStatus {
  let found = false;
  let worst: CheckStatus = 'OK';
  for (const { status } of ascending) {
    if (status === 'MISSING_LOST' && (found || !withoutBackups)) return 'FAILURE';
    if (status === 'FOUND') found = true;
    else worst = 'WARNING';
  }
  return worst;
}
