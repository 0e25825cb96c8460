/** What is to be done with each file when one backup of a chain is unpacked, and what has been: a byte for each, shared by threads. */

/** What the tar member of a file is to be taken for. */
export type FileAction = 'whole' | 'increment';

const bits = { whole: 1, increment: 2, arrived: 128 } as const;

/** The files that one backup contributes to a restore, by the numbers of their names. */
export interface StepFiles {
  /** The memory, for {@link openStepFiles} in another thread. */
  readonly shared: SharedArrayBuffer;
  /** Undefined: nothing of this file is needed from this backup. */
  actionOf(file: number): FileAction | undefined;
  plan(file: number, action: FileAction): void;
  /** For how many files something is planned; known to the thread that made it. */
  readonly planned: number;
  /** Notes that its member came. */
  arrive(file: number): void;
  /** Files whose members are needed and did not come. */
  missing(): Iterable<number>;
}

/** @param files how many names there are */
export function createStepFiles(files: number): StepFiles {
  return openStepFiles(new SharedArrayBuffer(files));
}

/** The plan that another thread made. */
export function openStepFiles(shared: SharedArrayBuffer): StepFiles {
  const states = new Uint8Array(shared);
  let planned = 0;
  return {
    shared,
    get planned() {
      return planned;
    },
    actionOf(file) {
      const state = states[file] ?? 0;
      if ((state & bits.whole) !== 0) return 'whole';
      return (state & bits.increment) === 0 ? undefined : 'increment';
    },
    plan(file, action) {
      states[file] = bits[action];
      planned += 1;
    },
    arrive(file) {
      Atomics.or(states, file, bits.arrived);
    },
    *missing() {
      for (const [file, state] of states.entries()) if (state !== 0 && (state & bits.arrived) === 0) yield file;
    },
  };
}
