/** Everything of a backup, read once, maybe in several runs. */
import { timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { FileSizes } from './chain-sizes.ts';
import { concludeParts } from './conclude-parts.ts';
import type { ExpectedBackup } from './expected-backup.ts';
import type { ExpectedPart } from './expected-files.ts';
import type { ExpectedSegment } from './expected-wal.ts';
import { createProblems, type Problems } from '../../catalog/verify/problems.ts';
import { storeReport, type ReadObject, type SuspectPage, type VerifyReport } from '../../catalog/verify/report.ts';
import { verifyPart } from './run-job.ts';
import type { VerifyRequest, VerifyServices } from './verify-backup.ts';
import { verifySegments } from './verify-segments.ts';

const toldProblems = 100;
/** More than a server can have torn while it was backed up. */
const mostSuspects = 1000;
const saveEveryMs = 60_000;

/** What there is to read. */
export interface Expected {
  readonly expected: ExpectedBackup;
  readonly wal: readonly ExpectedSegment[];
}

/** One verification. */
export class VerificationRound {
  readonly #services: VerifyServices;
  readonly #request: VerifyRequest;
  readonly #expected: ExpectedBackup;
  readonly #wal: readonly ExpectedSegment[];
  readonly #since: TimeNs;
  readonly #done: Map<string, ReadObject>;
  readonly #problems: Problems;
  #suspects: readonly SuspectPage[];
  #savedMs: number;

  constructor(services: VerifyServices, request: VerifyRequest, { expected, wal }: Expected) {
    const { previous, resume } = request;
    const startTime = expected.sentinel?.summary?.startTime;
    const round = resume && previous?.startTime === startTime ? previous?.round : undefined;
    this.#services = services;
    this.#request = request;
    this.#expected = expected;
    this.#wal = wal;
    this.#since = round?.since ?? timeOfDate(services.clock.now());
    this.#problems = createProblems(toldProblems);
    if (round !== undefined) this.#problems.addAll({ first: round.problems, count: round.problemCount });
    this.#suspects = round?.suspects ?? [];
    this.#savedMs = services.clock.monotonicMs();
    const sizes = new Map(this.#objects().map(({ name, sizeBytes }) => [name, sizeBytes]));
    // What is another object by now counts as not read.
    this.#done = new Map([...(round?.done ?? [])].filter(([name, { storedBytes }]) => sizes.get(name) === storedBytes));
  }

  /** Reads parts as far as the budget goes. @throws the storage's errors */
  async readParts(): Promise<void> {
    const { budget, concurrency } = this.#services;
    const parts = this.#expected.files?.parts ?? [];
    const left = parts.filter(({ name }) => !this.#done.has(name));
    await mapConcurrently(left, concurrency, async (part) => {
      if (!budget.take(part.object.sizeBytes)) return;
      await this.#readPart(part);
      await this.save({ isLast: false });
    });
  }

  async #readPart({ object, name, number }: ExpectedPart): Promise<void> {
    const { backup, sentinel, files, pages } = this.#expected;
    const job = {
      kind: 'verifyPart',
      key: object.key,
      part: number,
      files: files?.table?.shared,
      arePartsListed: files?.arePartsListed ?? false,
      ...{ backup, startLsn: sentinel?.startLsn, pages, isAgain: false },
    } as const;
    const part = await verifyPart(this.#services, this.#services.pool, job);
    const { memberBytes, names, hasLabel } = part;
    this.#done.set(name, { storedBytes: object.sizeBytes, memberBytes, names, hasLabel });
    this.#problems.addAll(part.problems);
    const room = mostSuspects - this.#suspects.length;
    this.#suspects = [...this.#suspects, ...part.suspects.slice(0, room)];
    for (const { key, file, page } of part.suspects.slice(room)) {
      this.#problems.add({ key, file, what: `page ${page} fails its checksum` });
    }
    this.#services.logger.debug('part read', { key: object.key, bytes: memberBytes, problems: part.problems.count });
  }

  /** After all parts, since it settles which of the suspect pages recovery mends. */
  async readWal(): Promise<void> {
    const parts = this.#expected.files?.parts ?? [];
    if (!parts.every(({ name }) => this.#done.has(name))) return;
    const left = this.#wal.filter(({ name, object }) => object !== undefined && !this.#done.has(name));
    const { sentinel, control } = this.#expected;
    const { archivePool: pool, segmentBytes } = this.#services;
    const read = verifySegments(
      { ...this.#services, pool },
      {
        segments: left,
        segmentBytes: control?.contents?.segmentBytes ?? segmentBytes,
        systemIdentifier: sentinel?.systemIdentifier,
        suspects: this.#suspects,
        problems: this.#problems,
      },
    );
    for await (const { name, object, mended } of read) {
      this.#done.set(name, { storedBytes: object.sizeBytes, memberBytes: 0, names: 0, hasLabel: false });
      this.#suspects = this.#suspects.filter((suspect) => !mended.has(suspect));
      await this.save({ isLast: false });
    }
  }

  /** Stores how far it has come, now and then, so that a run that is killed has not been for nothing. */
  async save({ isLast }: { readonly isLast: boolean }): Promise<void> {
    const nowMs = this.#services.clock.monotonicMs();
    if (this.#done.size === 0 || (!isLast && nowMs - this.#savedMs < saveEveryMs)) return;
    this.#savedMs = nowMs;
    const { transport, logger } = this.#services;
    await storeReport(transport.storage, this.#report(this.#problems, { isWhole: false }), { logger });
  }

  /** What there is to report now. @param base sizes of files by the backup it builds on, where that was read in this run */
  async conclude(base: FileSizes | undefined): Promise<VerifyReport> {
    const isWhole = this.#objects().every(({ name, isThere }) => !isThere || this.#done.has(name));
    if (!isWhole) return this.#report(this.#problems, { isWhole });
    const problems = createProblems(toldProblems);
    problems.addAll(this.#problems);
    for (const { key, file, page } of this.#suspects) {
      problems.add({ key, file, what: `page ${page} fails its checksum, and no WAL of the backup replaces it` });
    }
    const { transport, signal } = this.#services;
    await concludeParts({ expected: this.#expected, done: this.#done, problems, base, transport, signal });
    return this.#report(problems, { isWhole });
  }

  #report(read: Problems, { isWhole }: { readonly isWhole: boolean }): VerifyReport {
    const { backup, sentinel, bases, files, control, notes } = this.#expected;
    const { previous } = this.#request;
    const now = timeOfDate(this.#services.clock.now());
    const all = createProblems(toldProblems);
    all.addAll(this.#expected.problems);
    all.addAll(read);
    const startTime = sentinel?.summary?.startTime;
    const isKnown = previous !== undefined && previous.startTime === startTime;
    const wasProven = isKnown && previous.status === 'proven';
    // Damage stays until all of the backup has been read without it.
    const wasDamaged = isKnown && !isWhole && previous.status === 'damaged';
    if (wasDamaged && all.count === 0) all.addAll({ first: previous.problems, count: previous.problemCount });
    const status = all.count > 0 ? 'damaged' : isWhole || wasProven ? 'proven' : 'partial';
    const small = [files?.label, control === undefined ? undefined : files?.control].filter((one) => one !== undefined);
    const smallBytes = small.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const objects = this.#objects();
    const totalBytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, smallBytes);
    const doneBytes = [...this.#done.values()].reduce((sum, { storedBytes }) => sum + storedBytes, smallBytes);
    return {
      ...{ backup, startTime, bases, status },
      provenAt: isWhole && status === 'proven' ? now : isKnown ? previous.provenAt : undefined,
      checkedAt: now,
      objects: { read: this.#done.size + small.length, total: objects.length + small.length },
      bytes: { read: doneBytes, total: totalBytes },
      problems: all.first,
      problemCount: all.count,
      notes: [...notes],
      round: isWhole
        ? undefined
        : {
            since: this.#since,
            done: this.#done,
            problems: this.#problems.first,
            problemCount: this.#problems.count,
            suspects: this.#suspects,
          },
    };
  }

  /** Parts and segments. */
  #objects(): readonly { readonly name: string; readonly sizeBytes: number; readonly isThere: boolean }[] {
    return [
      ...(this.#expected.files?.parts ?? []).map(({ name, object: { sizeBytes } }) => ({
        name,
        sizeBytes,
        isThere: true,
      })),
      ...this.#wal.map(({ name, object }) => ({
        name,
        sizeBytes: object?.sizeBytes ?? 0,
        isThere: object !== undefined,
      })),
    ];
  }
}
