/**
 * Proves one backup: reads every object of it and the WAL it needs, as a restore would, and writes nothing but a report. What
 * is wrong is counted, not thrown, so that one run finds all of it.
 */
import { sentinelKey } from '../../catalog/layout.ts';
import { timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import type { Budget } from './budget.ts';
import { sizesOfBackup, type FileSizes } from './chain-sizes.ts';
import { concludeParts } from './conclude-parts.ts';
import { expectBackup, type ExpectedBackup } from './expected-backup.ts';
import type { ExpectedPart } from './expected-files.ts';
import { findExpectedWal, type ExpectedSegment } from './expected-wal.ts';
import { createProblems, type Problems } from './problems.ts';
import { writeOwnReport } from './report.ts';
import type { ReadObject, SuspectPage, VerifyReport } from './report.ts';
import { verifyPart, type JobServices } from './run-job.ts';
import { verifySegments } from './verify-segments.ts';

/** What verifying needs. */
export interface VerifyServices extends JobServices {
  /** Of the storage that holds the backup, and gets the report. */
  readonly transport: Transport;
  /** Of all storages, where WAL may be in another one. */
  readonly archive: Transport;
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly archivePool: Pick<WorkerPool, 'run'>;
  /** Objects that are read at the same time. */
  readonly concurrency: number;
  /** `WALG_PG_WAL_SIZE`; what the control file of the backup says counts. */
  readonly segmentBytes: number;
  readonly budget: Budget;
}

/** Which backup, and what is known of it. */
export interface VerifyRequest {
  readonly backup: string;
  /** What was found before. */
  readonly previous: VerifyReport | undefined;
  /** Go on where that ended early. */
  readonly resume: boolean;
  /** Sizes of files by the backup that it builds on, where that was read in this run. */
  readonly base: FileSizes | undefined;
}

/** What came of it. */
export interface VerifiedBackup {
  readonly report: VerifyReport;
  readonly sizes: FileSizes | undefined;
}

const toldProblems = 100;
const saveEveryMs = 60_000;

/**
 * Verifies a backup as far as the budget goes, and stores the report.
 *
 * @returns undefined when the backup has been deleted meanwhile
 * @throws ObjectNotFoundError when there is no such backup; ArchiverError `forbidden` when the keys do not decrypt it;
 *   `unavailable` when the storage does not come back. What had been found until then is in the report
 */
export async function verifyBackup(
  services: VerifyServices,
  request: VerifyRequest,
): Promise<VerifiedBackup | undefined> {
  const expected = await expectBackup(services, request.backup);
  const wal = await findWal(services, expected);
  const round = new Round(services, request, { expected, wal });
  try {
    await round.readParts();
    await round.readWal();
  } catch (error) {
    if (!(error instanceof ArchiverError && error.kind === 'unavailable')) await round.save({ isLast: true });
    throw error;
  }
  const report = await round.conclude(request.base);
  // A deletion takes the sentinel first: what is missing then is not damage.
  const isDamaged = report.status === 'damaged';
  const key = sentinelKey(request.backup);
  if (isDamaged && (await services.transport.storage.stat(key, { signal: services.signal })) === undefined)
    return undefined;
  await store(services, report);
  const { files } = expected;
  const sizes = files?.table === undefined ? undefined : sizesOfBackup(files.table, request.base);
  return { report, sizes };
}

function findWal(
  { archive, signal, segmentBytes }: VerifyServices,
  { backup, sentinel, control, problems, notes }: ExpectedBackup,
): Promise<readonly ExpectedSegment[]> {
  if (sentinel === undefined) return Promise.resolve([]);
  const ownBytes = control?.contents?.segmentBytes ?? segmentBytes;
  return findExpectedWal(archive, { backup, sentinel, segmentBytes: ownBytes, problems, notes, signal });
}

async function store({ transport, logger }: VerifyServices, report: VerifyReport): Promise<void> {
  try {
    await writeOwnReport(transport.storage, report);
  } catch (error) {
    if (!(error instanceof StorageForbiddenError)) throw error;
    logger.warn('the report cannot be stored', { backup: report.backup, reason: messageOf(error) });
  }
}

interface Expected {
  readonly expected: ExpectedBackup;
  readonly wal: readonly ExpectedSegment[];
}

/** Everything of a backup, read once, maybe in several runs. */
class Round {
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
    this.#suspects = [...this.#suspects, ...part.suspects];
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
    await store(this.#services, this.#report(this.#problems, { isWhole: false }));
  }

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
