/** Whether the archive follows the timeline of the server: the check `timeline` of `wal-verify`. Pure. */
import type { CurrentPosition } from './current-position.ts';
import type { CheckStatus } from './integrity.ts';
import type { ListedWal } from './listed-wal.ts';

/** What was found. */
export interface TimelineCheck {
  readonly status: CheckStatus;
  /** Undefined when nobody could be asked. */
  readonly current: number | undefined;
  /** 0 when the archive has neither a segment nor a history file. */
  readonly highest: number;
}

/** Compares the timelines; without a server there is nothing to compare with, which is no reason for content. */
export function checkTimeline({ highestTimeline: highest }: ListedWal, position: CurrentPosition): TimelineCheck {
  const current = position.toldBy === 'storage' ? undefined : position.segment.timeline;
  const isUnknown = highest === 0 || current === undefined;
  return { status: isUnknown ? 'WARNING' : highest === current ? 'OK' : 'FAILURE', current, highest };
}
