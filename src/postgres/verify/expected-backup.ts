/** Reads the small objects of a backup, and finds out what is to be read beside them. */
import { readText } from '../../catalog/backup-store.ts';
import { metadataKey, sentinelKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError, StorageForbiddenError } from '../../storage/errors.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { checkLabel } from '../backup/check-restore.ts';
import { readStoredControl, type StoredControl } from '../backup/control-of-backup.ts';
import { parseBackupMetadata } from '../backup/metadata.ts';
import { isWalEBackupName, labelMember } from '../backup/names.ts';
import { readSmallTar } from '../backup/small-tar.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { segmentPages } from '../pages/page-scan.ts';
import { BrokenChainError, readChain } from '../restore/chain.ts';
import { planChain } from '../restore/chain-plan.ts';
import { contradictionsOf } from './check-control.ts';
import { readExpectedFiles, type ExpectedFiles } from './expected-files.ts';
import type { PageRules } from './page-check.ts';
import { createProblems, type Problems } from '../../catalog/verify/problems.ts';

/** A backup, before its parts are read. */
export interface ExpectedBackup {
  readonly backup: string;
  /** Undefined: damaged, so that nothing else is known. */
  readonly sentinel: Sentinel | undefined;
  /** Those it builds on, nearest first, as far as they are known. */
  readonly bases: readonly string[];
  readonly files: ExpectedFiles | undefined;
  readonly control: StoredControl | undefined;
  /** Undefined: the cluster has no page checksums, or that is not known. */
  readonly pages: PageRules | undefined;
  readonly problems: Problems;
  readonly notes: string[];
}

/** What it needs. */
export interface ExpectedServices {
  /** Of the storage that holds the backup. */
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const toldProblems = 100;

/**
 * Looks at everything but the parts. Damage is told as problems.
 *
 * @throws ObjectNotFoundError when there is no such backup; ArchiverError `forbidden` when the keys do not decrypt it; the
 *   storage's errors
 */
export async function expectBackup(services: ExpectedServices, backup: string): Promise<ExpectedBackup> {
  const { transport, signal } = services;
  const problems = createProblems(toldProblems);
  const notes: string[] = [];
  if ((await transport.storage.stat(sentinelKey(backup), { signal })) === undefined) {
    throw new ObjectNotFoundError(sentinelKey(backup), transport.storage.location);
  }
  const found = await attempt(problems, sentinelKey(backup), () => readSentinel(transport.storage, backup, { signal }));
  if (found === undefined) {
    const nothing = { sentinel: undefined, bases: [], files: undefined, control: undefined, pages: undefined };
    return { backup, ...nothing, problems, notes };
  }
  const sentinel = found;
  await checkMetadata(services, { backup, sentinel, problems, notes });
  const objects: ObjectInfo[] = [];
  for await (const entry of transport.storage.list(tarPartitionsFolder(backup), { signal })) {
    if (entry.kind === 'object') objects.push(entry);
  }
  const files = await readExpectedFiles(transport, { backup, sentinel, objects, problems, notes, signal });
  const folder = tarPartitionsFolder(backup);
  const lacks = (name: string) => {
    problems.add({ key: `${folder}/${name}`, file: undefined, what: 'is missing' });
  };
  if (files.parts.length === 0) lacks('part_001.tar');
  if (files.control === undefined && !isWalEBackupName(backup)) lacks('pg_control.tar');
  const control = await readControl(services, { backup, sentinel, files, problems });
  const bases = await readBases(services, { backup, sentinel, problems });
  const hasPageChecksums = (control?.contents?.dataChecksumVersion ?? 0) !== 0 && hasUsualFiles(control);
  if (control?.contents?.dataChecksumVersion === 0) {
    notes.push('the cluster has no page checksums (initdb --data-checksums), so that its pages were not looked at');
  }
  if (control?.contents !== undefined && !hasUsualFiles(control)) {
    notes.push(
      'the server was built with files of relations of another size than 1 GiB, so that its pages were not looked at',
    );
  }
  const pages = hasPageChecksums ? { start: sentinel.startLsn ?? 0n, finish: sentinel.finishLsn } : undefined;
  return { backup, sentinel, bases, files, control, pages, problems, notes };
}

/** Checksums depend on the number of a page in its relation, through files of this many (`ControlFileData.relseg_size`). */
function hasUsualFiles(control: StoredControl | undefined): boolean {
  return control !== undefined && Buffer.from(control.file.bytes).readUInt32LE(220) === segmentPages;
}

interface Looked {
  readonly backup: string;
  readonly sentinel: Sentinel;
  readonly problems: Problems;
}

/** What is damaged becomes a problem, and undefined. */
async function attempt<T>(problems: Problems, key: Key, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    const isMissing = error instanceof ObjectNotFoundError;
    if (!(error instanceof CorruptError) && !isMissing) throw error;
    problems.add({ key, file: undefined, what: isMissing ? 'is missing' : error.message });
    return undefined;
  }
}

async function checkMetadata(
  { transport, signal }: ExpectedServices,
  { backup, sentinel, problems, notes }: Looked & { readonly notes: string[] },
): Promise<void> {
  const key = metadataKey(backup);
  await attempt(problems, key, async () => {
    let text: string;
    try {
      text = await readText(transport.storage, key, { signal });
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      if (sentinel.summary !== undefined)
        notes.push('metadata.json is missing: the backup does not count as permanent');
      return;
    }
    const metadata = parseBackupMetadata(text, `metadata of "${backup}"`);
    const pairs = [
      ['start_lsn', metadata.startLsn, sentinel.startLsn],
      ['finish_lsn', metadata.finishLsn, sentinel.finishLsn],
      ['system_identifier', metadata.systemIdentifier, sentinel.systemIdentifier],
      ['pg_version', metadata.pgVersion, sentinel.pgVersion],
      ['uncompressed_size', metadata.uncompressedBytes, sentinel.uncompressedBytes],
      ['compressed_size', metadata.compressedBytes, sentinel.compressedBytes],
    ] as const;
    const others = pairs.filter(([, one, other]) => one !== undefined && other !== undefined && one !== other);
    if (others.length === 0) return;
    throw new CorruptError(`contradicts the sentinel: ${others.map(([name]) => name).join(', ')}`);
  });
}

/** The control file and the label, where they have objects of their own. */
async function readControl(
  { transport, logger, signal }: ExpectedServices,
  { backup, sentinel, files, problems }: Looked & { readonly files: ExpectedFiles },
): Promise<StoredControl | undefined> {
  const undecrypted: unknown[] = [];
  let decrypted = 0;

  async function read<T>(key: Key, action: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await attempt(problems, key, action);
      decrypted += 1;
      return value;
    } catch (error) {
      const isOfKeys = error instanceof ArchiverError && !(error instanceof StorageForbiddenError);
      if (!isOfKeys || error.kind !== 'forbidden') throw error;
      problems.add({ key, file: undefined, what: `cannot be decrypted: ${error.message}` });
      undecrypted.push(error);
      return undefined;
    }
  }

  const { control, label } = files;
  const stored =
    control === undefined
      ? undefined
      : await read(control.key, () =>
          readStoredControl(transport, control.key, { systemIdentifier: sentinel.systemIdentifier, signal, logger }),
        );
  if (control !== undefined && stored?.contents !== undefined) {
    for (const what of contradictionsOf(stored.contents, sentinel)) {
      problems.add({ key: control.key, file: undefined, what });
    }
  }
  if (label !== undefined) {
    await read(label.key, async () => {
      const file = (await readSmallTar(transport, label.key, { signal })).get(labelMember);
      if (file === undefined) throw new CorruptError('does not hold the backup label');
      checkLabel(backup, sentinel, file.bytes);
    });
  }
  // With keys that decrypt nothing of it, nothing can be said about the backup.
  if (decrypted === 0 && undecrypted.length > 0) throw undecrypted[0];
  return stored;
}

async function readBases(
  services: ExpectedServices,
  { backup, sentinel, problems }: Looked,
): Promise<readonly string[]> {
  if (sentinel.kind === 'full') return [];
  const { transport, logger, signal } = services;
  const chain = await attempt(problems, sentinelKey(backup), () =>
    readChain(transport.storage, { backup, sentinel }, { signal }),
  );
  if (chain === undefined) return [sentinel.parent];
  const bases = chain.slice(1).map((link) => link.backup);
  try {
    await planChain({ transport, logger, signal, skipRedundantParts: false }, chain);
  } catch (error) {
    if (!(error instanceof CorruptError) && !(error instanceof ArchiverError && error.kind === 'missing')) throw error;
    // What its bases lack is told of them, and what the backup itself lacks was told already.
    const isOwn = problems.count === 0 && error.message.startsWith(`backup "${backup}" `);
    if (isOwn || error instanceof BrokenChainError) {
      problems.add({ key: sentinelKey(backup), file: undefined, what: error.message });
    }
  }
  return bases;
}
