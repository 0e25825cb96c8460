/** What is uploaded while more is being received: one thing at a time. */

/** Who is told of uploads. */
export interface UploadListener {
  /** One has ended well. */
  done(): void;
  /** One has failed for good: the first one only, after which nothing is started any more. */
  failed(error: unknown): void;
}

/** One upload at a time. */
export class Upload {
  readonly #listener: UploadListener;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(listener: UploadListener) {
    this.#listener = listener;
  }

  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Starts one; only while idle. */
  start(act: () => Promise<void>): void {
    this.#running = act().then(
      () => {
        this.#running = undefined;
        this.#listener.done();
      },
      (error: unknown) => {
        this.#running = undefined;
        this.fail(error);
      },
    );
  }

  /** Something else failed. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#listener.failed(error);
  }

  /** Waits until nothing is running. @throws what has failed */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
