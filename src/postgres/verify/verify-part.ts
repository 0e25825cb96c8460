/** Reads one tar part of a backup to its end and compares it with all that is known of its files, in a worker thread. */
import type { TarHeader } from '../../archive/header.ts';
import { readTar, type TarSink } from '../../archive/reader.ts';
import { counted } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { decoding } from '../../pipeline/transport.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import type { Key } from '../../storage/storage.ts';
import { checkLabel } from '../backup/check-restore.ts';
import { memberPath, type MemberPath } from '../backup/member-path.ts';
import { labelMember, tablespaceMapMember } from '../backup/names.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { controlFilePath } from '../pgdata.ts';
import { addNameSums, anyPart, fileKind, nameSum, openFileTable, type SharedFileTable } from './file-table.ts';
import { createMemberCheck, type FoundPage } from './member-check.ts';
import type { PageRules } from './page-check.ts';
import { createProblems } from '../../catalog/verify/problems.ts';
import type { SuspectPage, VerifyProblem } from '../../catalog/verify/report.ts';

/** One part to read. */
export interface VerifyPartJob extends WorkerJob {
  readonly kind: 'verifyPart';
  readonly key: Key;
  /** Which part of the backup it is, counted from 1. */
  readonly part: number;
  /** Undefined: the backup has no list of its files. */
  readonly files: SharedFileTable | undefined;
  /** The list says which part holds what. */
  readonly arePartsListed: boolean;
  readonly backup: string;
  readonly startLsn: Sentinel['startLsn'];
  /** Undefined: the cluster has no page checksums, or that is not known. */
  readonly pages: PageRules | undefined;
  /** It was read before, and that went wrong. */
  readonly isAgain: boolean;
}

/** What was found. */
export interface VerifiedPart {
  readonly storedBytes: number;
  readonly memberBytes: number;
  /** Sum of {@link nameSum} over the members that are listed; 0 where the list says which part holds what. */
  readonly names: number;
  readonly hasLabel: boolean;
  readonly problems: { readonly first: readonly VerifyProblem[]; readonly count: number };
  readonly suspects: readonly SuspectPage[];
  /** It could not be read to its end. */
  readonly isBroken: boolean;
}

const toldProblems = 20;
const mostSuspects = 200;
const largestLabel = 64 * 1024;

/** Members that no list of files names. */
const utilityPaths: ReadonlySet<MemberPath> = new Set([labelMember, tablespaceMapMember, controlFilePath]);

/** Damage is told in what it returns. @throws whatever the storage fails with */
export async function runVerifyPart(context: WorkerContext, job: VerifyPartJob): Promise<VerifiedPart> {
  const { transport, signal } = context;
  const table = job.files === undefined ? undefined : openFileTable(job.files);
  const problems = createProblems(toldProblems);
  const suspects: SuspectPage[] = [];
  const check = createMemberCheck({ table, pages: job.pages, onSuspect, onProblem: tell });
  let storedBytes = 0;
  let memberBytes = 0;
  let names = 0;
  let hasLabel = false;
  let isBroken = false;

  function tell(file: string | undefined, what: string): void {
    problems.add({ key: job.key, file, what });
  }

  function onSuspect({ file, page }: FoundPage): void {
    if (suspects.length < mostSuspects) suspects.push({ key: job.key, file, page });
    else tell(file, `page ${page} fails its checksum`);
  }

  /** @returns the number of the file; undefined when its content is not compared with anything */
  function arrive(path: MemberPath): number | undefined {
    if (table === undefined) return undefined;
    const { names: known, parts, arrivals, kinds } = table;
    const number = known.numberOf(path);
    if (number === undefined) {
      if (!utilityPaths.has(path)) tell(path, 'is not in the list of files of the backup');
      return undefined;
    }
    if (!job.arePartsListed) names = addNameSums(names, nameSum(path));
    const expected = parts[number] ?? anyPart;
    if (expected !== anyPart && expected !== job.part) tell(path, 'is in another part than the list of files says');
    if ((arrivals[number] ?? 0) !== 0) tell(path, 'comes twice');
    arrivals[number] = job.part;
    if (kinds[number] !== fileKind.skipped) return number;
    tell(path, 'is here though the list of files says that it has not changed since the base');
    return undefined;
  }

  function sinkOf(header: TarHeader): TarSink | undefined {
    let path: MemberPath;
    try {
      path = memberPath(header.name);
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      tell(header.name, error.message);
      return undefined;
    }
    switch (header.type) {
      case 'directory':
        if (table?.names.numberOf(path) !== undefined) arrive(path);
        return undefined;
      case 'symlink':
        if (/^pg_tblspc\/[^/]+$/.test(path)) tell(path, 'is the link of a tablespace');
        arrive(path);
        return undefined;
      case 'file':
        memberBytes += header.sizeBytes;
        return path === labelMember ? labelSink(path, header) : check(path, header, arrive(path));
      default:
        tell(path, `is no file, directory or symbolic link but a ${header.type}`);
        return undefined;
    }
  }

  function labelSink(path: MemberPath, header: TarHeader): TarSink {
    arrive(path);
    const pieces: Buffer[] = [];
    hasLabel = true;
    return {
      write(piece) {
        if (header.sizeBytes <= largestLabel) pieces.push(Buffer.from(piece));
      },
      end() {
        try {
          checkLabel(job.backup, { startLsn: job.startLsn }, Buffer.concat(pieces));
        } catch (error) {
          if (!(error instanceof CorruptError)) throw error;
          tell(path, error.message);
        }
      },
      abort: () => undefined,
    };
  }

  if (job.isAgain) table?.arrivals.forEach((part, number) => part === job.part && (table.arrivals[number] = 0));
  try {
    const decode = await decoding(transport, job.key);
    const source = await transport.storage.read(job.key, { signal });
    const report = counted((bytes) => {
      context.progress(bytes);
      storedBytes += bytes;
    });
    await readTar(decode(report(source)), sinkOf);
    if (table !== undefined && job.arePartsListed) tellMissing();
  } catch (error) {
    if (!isDamage(error)) {
      context.progress(-storedBytes);
      throw error;
    }
    isBroken = true;
    tell(undefined, error.kind === 'missing' ? 'is missing' : error.message);
  }
  const told = { first: problems.first, count: problems.count };
  return { storedBytes, memberBytes, names, hasLabel, problems: told, suspects, isBroken };

  function tellMissing(): void {
    if (table === undefined) return;
    const missing = new Set<number>();
    table.parts.forEach((part, number) => {
      if (part === job.part && table.arrivals[number] !== job.part && table.kinds[number] !== fileKind.skipped) {
        missing.add(number);
      }
    });
    if (missing.size === 0) return;
    for (const [number, name] of table.names.entries()) {
      if (missing.has(number)) tell(name, 'is missing in the part that is to hold it');
    }
  }
}

/** Others of the backup are decrypted: that this one is not is no matter of the keys. */
function isDamage(error: unknown): error is ArchiverError {
  if (!(error instanceof ArchiverError)) return false;
  if (error.kind === 'forbidden') return !(error instanceof StorageForbiddenError);
  return error.kind === 'corrupt' || error.kind === 'missing';
}
