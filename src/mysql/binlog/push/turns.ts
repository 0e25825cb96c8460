/** Whose turn it is to send the end of a binary log, among threads: they compress in any order and begin to send in one. */

/** All turns at once: somebody failed, nobody is to wait for it. */
const everybody = 2 ** 31 - 1;

/** One number in shared memory: how many have had their turn. */
export class SharedTurns {
  readonly shared: SharedArrayBuffer;
  readonly #passed: Int32Array<SharedArrayBuffer>;

  /** @param shared that of another thread; default: new, nobody has had a turn */
  constructor(shared = new SharedArrayBuffer(4)) {
    this.shared = shared;
    this.#passed = new Int32Array(shared);
  }

  /** Resolves when all before number `index`, from 0, have passed. */
  async come(index: number): Promise<void> {
    for (;;) {
      const passed = Atomics.load(this.#passed, 0);
      if (passed >= index) return;
      await Atomics.waitAsync(this.#passed, 0, passed).value;
    }
  }

  /** Says that number `index` has passed; of no effect when it has before. */
  pass(index: number): void {
    if (Atomics.compareExchange(this.#passed, 0, index, index + 1) === index) Atomics.notify(this.#passed, 0);
  }

  /** Ends all waiting. */
  open(): void {
    Atomics.store(this.#passed, 0, everybody);
    Atomics.notify(this.#passed, 0);
  }
}
