/** What can be said of a backup only when all of its parts have been read. */
import { filesMetadataKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { controlFilePath } from '../pgdata.ts';
import { comparePages, readRecordedSizes, type FileSizes } from './chain-sizes.ts';
import type { ExpectedBackup } from './expected-backup.ts';
import { addNameSums, fileKind, type FileTable } from './file-table.ts';
import type { Problems } from '../../catalog/verify/problems.ts';
import type { ReadObject } from '../../catalog/verify/report.ts';

/** Everything that was found. */
export interface ReadParts {
  readonly expected: ExpectedBackup;
  /** By name; all parts are there. */
  readonly done: ReadonlyMap<string, ReadObject>;
  readonly problems: Problems;
  /** Sizes by the backup that it builds on, where that was read in this run. */
  readonly base: FileSizes | undefined;
  readonly transport: Transport;
  readonly signal: AbortSignal;
}

/** @throws the storage's errors */
export async function concludeParts(read: ReadParts): Promise<void> {
  const { expected, done, problems } = read;
  const { backup, sentinel, files } = expected;
  if (sentinel === undefined || files === undefined) return;
  const parts = files.parts.flatMap(({ name }) => done.get(name) ?? []);
  if (files.label === undefined && !parts.some(({ hasLabel }) => hasLabel)) {
    problems.add({ key: tarPartitionsFolder(backup), file: undefined, what: 'no part has the backup label' });
  }
  if (files.table === undefined) checkBytes(read, parts);
  else {
    if (!files.arePartsListed) checkNames(read, files.table, parts);
    if (sentinel.kind === 'delta') await checkIncrements(read, files.table, sentinel.parent);
  }
}

/** Without a list of files, what is left to compare is the sum of their sizes; remote backups count otherwise. */
function checkBytes({ expected, problems }: ReadParts, parts: readonly ReadObject[]): void {
  const { backup, sentinel, control } = expected;
  if (sentinel?.dataDirectoryBytes === undefined) return;
  const bytes = parts.reduce((sum, { memberBytes }) => sum + memberBytes, control?.file.bytes.length ?? 0);
  // The label is some hundred bytes.
  const missing = sentinel.uncompressedBytes - bytes;
  if (missing <= 64 * 1024) return;
  problems.add({
    key: tarPartitionsFolder(backup),
    file: undefined,
    what: `holds ${bytes} bytes of ${sentinel.uncompressedBytes}: parts are missing`,
  });
}

/** Where nobody recorded which part holds what. */
function checkNames({ expected, problems }: ReadParts, table: FileTable, parts: readonly ReadObject[]): void {
  const { backup, files } = expected;
  const sum = parts.reduce((all, { names }) => addNameSums(all, names), 0);
  if (sum === files?.names) return;
  const key = tarPartitionsFolder(backup);
  const isAllFresh = table.arrivals.some((part) => part !== 0) && parts.length === files?.parts.length;
  const before = problems.count;
  for (const [number, name] of isAllFresh ? table.names.entries() : []) {
    if (table.arrivals[number] !== 0 || table.kinds[number] === fileKind.skipped || name === controlFilePath) continue;
    problems.add({ key, file: name, what: 'is in no part' });
  }
  if (isAllFresh && problems.count === before) return;
  if (problems.count === before) problems.add({ key, file: undefined, what: 'lacks files of the backup' });
}

async function checkIncrements(
  { expected, base, problems, transport, signal }: ReadParts,
  table: FileTable,
  parent: string,
): Promise<void> {
  const { backup, notes } = expected;
  const recorded = base ?? (await readRecordedSizes(transport, parent, table, { signal }));
  const { lacking, unknown } = comparePages(table, recorded);
  for (const { file, firstPage, endPage } of lacking) {
    const pages = endPage - firstPage === 1 ? `page ${firstPage}` : `pages ${firstPage} to ${endPage - 1}`;
    problems.add({ key: filesMetadataKey(backup), file, what: `neither the increment nor "${parent}" has ${pages}` });
  }
  if (unknown > 0) {
    notes.push(
      `${unknown} increments could not be compared with "${parent}", which does not record how long its files are: verify both in one run without --budget`,
    );
  }
}
