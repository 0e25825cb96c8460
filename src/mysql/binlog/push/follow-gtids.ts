/** Which of the planned binary logs another server has archived already, and the note of what is archived. */
import type { Transport } from '../../../pipeline/transport.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import type { Heads } from './check-passing.ts';
import { GtidCheck } from './gtid-check.ts';
import { readGtidNote, writeGtidNote } from './gtid-note.ts';
import type { PlannedBinlog, PushPlan } from './plan.ts';

/** What is left to push. */
export interface GtidFollowing {
  readonly toPush: readonly PlannedBinlog[];
  /** Names of what is not pushed, because another server has. */
  readonly covered: readonly string[];
  /** To be told of each that is stored, in order; begins to note it where that is wanted. */
  stored(binlog: PlannedBinlog): void;
  /** Resolves when all is noted. @throws the storage's error */
  settled(): Promise<void>;
}

/** How to follow. */
export interface FollowGtidsOptions {
  readonly checkGtids: boolean;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Compares the planned binary logs with the note, if that is wanted.
 *
 * @param known of those that are planned, and of the follower of each
 */
export async function followGtids(
  { toPush, before }: PushPlan,
  known: Heads,
  { checkGtids, transport, logger, signal }: FollowGtidsOptions,
): Promise<GtidFollowing> {
  const first = toPush.at(0);
  const flavor = first && known.of(first.name)?.head.flavor;
  if (!checkGtids || flavor === undefined) {
    return { toPush, covered: [], stored: () => undefined, settled: () => Promise.resolve() };
  }
  const options = { logger, signal };
  const check = new GtidCheck(await readGtidNote(transport.storage, flavor, options));
  const left: PlannedBinlog[] = [];
  const covered: string[] = [];
  const archived = new Map<string, GtidSet>();
  let predecessor = before?.number;
  for (const binlog of toPush) {
    const [self, next] = [known.of(binlog.name), known.after(binlog.name)];
    if (self === undefined || next === undefined) continue;
    const verdict = check.decide(self.head, next.head, predecessor === binlog.number - 1);
    if (verdict.isArchived && !binlog.again) {
      covered.push(binlog.name);
      logger.info('the transactions of a binary log are archived already, not pushing it', { name: binlog.name });
      continue;
    }
    predecessor = binlog.number;
    // What is archived needs to become newer only when something is filled in before it.
    if (binlog.again && !left.some(({ again }) => !again)) continue;
    left.push(binlog);
    archived.set(binlog.name, verdict.archived);
  }
  const note = new NoteWriter((gtids) => writeGtidNote(transport.storage, gtids, options));
  return {
    toPush: left,
    covered,
    stored({ name }) {
      const gtids = archived.get(name);
      if (gtids !== undefined) note.write(gtids);
    },
    settled: () => note.settled(),
  };
}

/** Writes the latest, one at a time: what is outdated by then is never written. */
class NoteWriter {
  readonly #write: (gtids: GtidSet) => Promise<void>;
  #latest: GtidSet | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(write: (gtids: GtidSet) => Promise<void>) {
    this.#write = write;
  }

  write(gtids: GtidSet): void {
    this.#latest = gtids;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
    this.#running.catch(() => undefined);
  }

  settled(): Promise<void> {
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      for (let gtids = this.#latest; gtids !== undefined; gtids = this.#latest) {
        this.#latest = undefined;
        await this.#write(gtids);
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
