/** One of several storages that hold the same, and what is known of it. */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError, ObjectNotFoundError, StorageUnavailableError } from '../errors.ts';
import type { Key, Storage } from '../storage.ts';
import type { Absences } from './absences.ts';

/** A mirror. */
export interface Mirror {
  readonly name: string;
  /** Its place among them, from 0. */
  readonly order: number;
  /** Tells it from others in the notes of this machine. */
  readonly place: string;
  readonly storage: Storage;
}

/** A mirror that did not do what it was asked for. */
export interface MirrorFailure {
  readonly mirror: Mirror;
  readonly error: unknown;
}

/** Mirrors, how many of them must agree, and what was found out about them. */
export class Mirrors {
  /** In the order in which they are asked. */
  readonly all: readonly Mirror[];
  readonly quorum: number;
  readonly #absences: Absences;
  readonly #logger: Logger;
  readonly #warned = new Set<string>();

  constructor(
    all: readonly Mirror[],
    options: { readonly quorum: number; readonly absences: Absences; readonly logger: Logger },
  ) {
    this.all = all;
    this.quorum = Math.min(all.length, options.quorum);
    this.#absences = options.absences;
    this.#logger = options.logger;
  }

  /** In words, for messages. */
  get location(): string {
    return this.all.map(({ storage }) => storage.location).join(' + ');
  }

  /** Those that were away lately come last. */
  inOrder(): readonly Mirror[] {
    return [...this.all.filter((one) => !this.wasAway(one)), ...this.all.filter((one) => this.wasAway(one))];
  }

  /** It did not answer not long ago. */
  wasAway({ place }: Mirror): boolean {
    return this.#absences.isAway(place);
  }

  /** Those to write to: without those that were away lately, if the others are enough. */
  toWrite(): readonly Mirror[] {
    const present = this.all.filter((one) => !this.wasAway(one));
    const chosen = present.length >= this.quorum ? present : this.all;
    for (const one of this.all) if (!chosen.includes(one)) this.#warn(one, 'it was away lately');
    return chosen;
  }

  /** It did something. */
  present({ place }: Mirror): void {
    this.#absences.forget(place);
  }

  /** It failed, and the others are enough. */
  missed({ mirror, error }: MirrorFailure): void {
    if (!isAnswer(error)) this.#absences.note(mirror.place);
    this.#warn(mirror, messageOf(error));
  }

  /** It failed, and is not asked first from now on. */
  silent(mirror: Mirror, error: unknown): void {
    if (!isAnswer(error)) this.#absences.note(mirror.place);
    this.#logger.debug('mirror did not answer, asking the next one', {
      storage: mirror.name,
      reason: messageOf(error),
    });
  }

  /**
   * Judges a change that some mirrors made.
   *
   * @param action for the message: `write "a"`
   * @throws the failure, when fewer than the quorum did it
   */
  judge(action: string, done: readonly Mirror[], failures: readonly MirrorFailure[]): void {
    for (const mirror of done) this.present(mirror);
    if (done.length >= this.quorum) {
      for (const failure of failures) this.missed(failure);
      return;
    }
    throw this.#tooFew(action, done.length, failures);
  }

  #tooFew(action: string, done: number, failures: readonly MirrorFailure[]): unknown {
    const [first] = failures;
    const unavailable = failures.filter(({ error }) => error instanceof StorageUnavailableError);
    if (first !== undefined && unavailable.length === 0) return first.error;
    const reasons = failures.map(({ mirror, error }) => `"${mirror.name}": ${messageOf(error)}`);
    return new StorageUnavailableError(
      `cannot ${action}: ${done} of ${this.all.length} storages did it, ${this.quorum} must; ${reasons.join('; ')}`,
      {
        cause: first?.error,
        repeated: unavailable.every(({ error }) => error instanceof StorageUnavailableError && error.repeated),
        hint: 'Bring the storage back. With a smaller WALG_MIRROR_QUORUM work goes on without it, and "mirror sync" catches it up later.',
      },
    );
  }

  #warn({ name }: Mirror, reason: string): void {
    if (this.#warned.has(name)) return;
    this.#warned.add(name);
    this.#logger.warn('mirror is left behind: run "mirror sync" when it is back', { storage: name, reason });
  }
}

/** The storage is there, and said what it says. */
function isAnswer(error: unknown): boolean {
  return error instanceof ObjectNotFoundError || error instanceof ObjectExistsError || error instanceof LeftBehindError;
}

/** Objects that others have are not there. */
export class LeftBehindError extends StorageUnavailableError {}

/** Two mirrors hold different objects under one key. */
export class DifferentObjectError extends ArchiverError {
  constructor(key: Key, a: Mirror, b: Mirror) {
    super('cannotWrite', `"${key}" differs between the storages "${a.name}" and "${b.name}"`, {
      hint: 'Find out which of the two is right, and remove the other; "mirror sync" then copies it.',
    });
  }
}
