/** Gathers what is wrong: all of it is counted, the first of it is told. */
import type { VerifyProblem } from './report.ts';

/** A list of problems that damage of any size cannot make long. */
export interface Problems {
  /** The first ones, in the order in which they were found. */
  readonly first: readonly VerifyProblem[];
  readonly count: number;
  add(problem: VerifyProblem): void;
  /** Adds those of another list, told or not. */
  addAll(list: Pick<Problems, 'first' | 'count'>): void;
}

/** @param limit how many are told */
export function createProblems(limit: number): Problems {
  const first: VerifyProblem[] = [];
  let count = 0;
  function add(problem: VerifyProblem): void {
    count += 1;
    if (first.length < limit) first.push(problem);
  }
  return {
    first,
    get count() {
      return count;
    },
    add,
    addAll(list) {
      for (const problem of list.first) add(problem);
      count += list.count - list.first.length;
    },
  };
}
