/** How much may be read in one run. */

/** What is left of it. Shared by everything that a run reads. */
export interface Budget {
  /** Undefined: no limit. */
  readonly limitBytes: number | undefined;
  readonly spentBytes: number;
  /**
   * Takes so many bytes. The first object is always allowed, and the last one may go beyond the limit: else an object that
   * is larger than it would never be read.
   *
   * @returns false when nothing was left
   */
  take(bytes: number): boolean;
}

/** Whether nothing is left. */
export function isSpent({ limitBytes, spentBytes }: Pick<Budget, 'limitBytes' | 'spentBytes'>): boolean {
  return limitBytes !== undefined && spentBytes > 0 && spentBytes >= limitBytes;
}

/** @param limitBytes undefined: everything may be read */
export function createBudget(limitBytes: number | undefined): Budget {
  let spentBytes = 0;
  return {
    limitBytes,
    get spentBytes() {
      return spentBytes;
    },
    take(bytes) {
      if (isSpent({ limitBytes, spentBytes })) return false;
      spentBytes += bytes;
      return true;
    },
  };
}
