/** The talk with a server that streams WAL: its messages, our word of how far the archive is, and whether it is still there. */
import type { Clock } from '../../platform/clock.ts';
import type { Lsn } from '../lsn.ts';
import type { Conversation, Session } from '../server/session.ts';
import type { StreamedMessage } from '../server/streamed-command.ts';
import { formatStandbyStatus } from './streaming-protocol.ts';

/** What the talk needs. */
export interface ServerLineOptions {
  readonly session: Session;
  readonly conversation: Conversation;
  /** Up to where everything is in the archive, now. */
  readonly durable: () => Lsn;
  readonly statusIntervalMs: number;
  readonly clock: Clock;
  /** Ends the wait for a message. */
  readonly stop: AbortSignal;
}

/** After so long without a word the server is asked for one, and after twice that it counts as lost. */
const silenceMs = 30_000;
/** For the server's farewell. */
const farewellMs = 2_000;

/** A talk; silence counts only while a message is waited for. Disposing lets go of the signal. */
export class ServerLine implements Disposable {
  readonly #options: ServerLineOptions;
  readonly #onStop = (): void => this.#stopWaiting?.();
  #stopWaiting: (() => void) | undefined;
  #arriving: Promise<StreamedMessage | undefined> | undefined;
  #statusAt: number;
  #waitingSince: number | undefined;
  #hasAsked = false;

  constructor(options: ServerLineOptions) {
    this.#options = options;
    this.#statusAt = options.clock.monotonicMs();
    options.stop.addEventListener('abort', this.#onStop, { once: true });
  }

  [Symbol.dispose](): void {
    this.#options.stop.removeEventListener('abort', this.#onStop);
  }

  /** The next message; undefined when the server has ended its answer. @throws as `Conversation.next` */
  async next(): Promise<StreamedMessage | 'stopped' | undefined> {
    const { conversation, clock, stop } = this.#options;
    if (stop.aborted) return 'stopped';
    const arriving = (this.#arriving ??= conversation.next());
    this.#waitingSince = clock.monotonicMs();
    this.#hasAsked = false;
    try {
      // No race with one promise for all messages: that would keep each of them until it is settled.
      const message = await new Promise<StreamedMessage | 'stopped' | undefined>((resolve, reject) => {
        this.#stopWaiting = () => resolve('stopped');
        arriving.then(resolve, reject);
      });
      if (message !== 'stopped') this.#arriving = undefined;
      return message;
    } finally {
      this.#stopWaiting = undefined;
      this.#waitingSince = undefined;
    }
  }

  /** Tells the server how far the archive is. */
  sendStatus({ wantsReply = false }: { readonly wantsReply?: boolean } = {}): void {
    const { conversation, durable, clock } = this.#options;
    this.#statusAt = clock.monotonicMs();
    conversation.send(formatStandbyStatus({ durable: durable(), now: clock.now(), wantsReply }));
  }

  /** To be called now and then: sends what is due; gives a silent server up. */
  attend(): void {
    const { session, statusIntervalMs, clock } = this.#options;
    const now = clock.monotonicMs();
    const silentMs = this.#waitingSince === undefined ? 0 : now - this.#waitingSince;
    if (silentMs >= 2 * silenceMs) {
      session.destroy(new Error(`it said nothing for ${Math.round(silentMs / 1_000)} s`));
      return;
    }
    const wantsReply = silentMs >= silenceMs && !this.#hasAsked;
    if (!wantsReply && now - this.#statusAt < statusIntervalMs) return;
    this.#hasAsked ||= wantsReply;
    this.sendStatus({ wantsReply });
  }

  /** Answers the server's end of its stream with our own. */
  finish(): void {
    this.sendStatus();
    this.#options.conversation.finish();
  }

  /** Ends our stream, and waits a little for the server to do so, that it gets our last word. */
  async sayGoodbye(): Promise<void> {
    this.finish();
    const { conversation, clock } = this.#options;
    const drained = (async () => {
      this.#arriving ??= conversation.next();
      for (let message = await this.#arriving; message !== undefined;) message = await conversation.next();
    })().catch(() => undefined);
    await Promise.race([drained, clock.sleep(farewellMs)]);
  }
}
