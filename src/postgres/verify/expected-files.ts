/** What a backup says of its files, put into memory that threads share: the list of files, and the checksums beside it. */
import { filesMetadataKey } from '../../catalog/layout.ts';
import { CorruptError } from '../../errors.ts';
import { openObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, ObjectInfo } from '../../storage/storage.ts';
import { memberPath } from '../backup/member-path.ts';
import { isControlPart, isLabelPart } from '../backup/names.ts';
import type { FileEntry } from '../backup/files-metadata.ts';
import { readFilesMetadata, type FilesMetadataVisitor } from '../backup/files-metadata-reader.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { checksumsKey, readChecksums } from '../in-place/checksums.ts';
import { controlFilePath } from '../pgdata.ts';
import { createNameSet } from '../restore/name-set.ts';
import { addNameSums, createFileTable, fileKind, nameSum, type FileTable } from './file-table.ts';
import type { Problems } from '../../catalog/verify/problems.ts';

/** A tar object with its number among the parts, from 1. */
export interface ExpectedPart {
  readonly object: ObjectInfo;
  /** Without the folder. */
  readonly name: string;
  readonly number: number;
}

/** The files and parts of a backup. */
export interface ExpectedFiles {
  /** Undefined: the backup has no list of its files. */
  readonly table: FileTable | undefined;
  /** The list says which part holds what. */
  readonly arePartsListed: boolean;
  /** Those of ordinary files, the biggest first. */
  readonly parts: readonly ExpectedPart[];
  readonly control: ObjectInfo | undefined;
  readonly label: ObjectInfo | undefined;
  /** Sum of `nameSum` over all names that must come; 0 where the parts are listed. */
  readonly names: number;
}

/** Of which backup, and what is told about it. */
export interface ExpectedFilesRequest extends Abortable {
  readonly backup: string;
  readonly sentinel: Sentinel;
  /** Everything in `tar_partitions/`. */
  readonly objects: readonly ObjectInfo[];
  readonly problems: Problems;
  readonly notes: string[];
}

/** Damage is told as problems. @throws the storage's errors */
export async function readExpectedFiles(transport: Transport, request: ExpectedFilesRequest): Promise<ExpectedFiles> {
  const { backup, sentinel, objects, problems, notes, signal } = request;
  const named = objects.map((object) => ({ object, name: baseNameOf(object.key) }));
  const control = named.find(({ name }) => isControlPart(name));
  const label = named.find(({ name }) => isLabelPart(name));
  const ordinary = named.filter((one) => one !== control && one !== label);
  const table = await readTable(transport, request);
  const listed = table === undefined ? undefined : await readParts(transport, table, request, ordinary);
  const areListed = listed !== undefined && listed.size > 0;
  const strays = areListed ? ordinary.filter(({ name }) => !listed.has(name)) : [];
  for (const { name } of strays) notes.push(`"${name}" is not in the list of the backup, and was not read`);
  const parts = ordinary
    .filter((one) => !strays.includes(one))
    .toSorted((a, b) => b.object.sizeBytes - a.object.sizeBytes || (a.name < b.name ? -1 : 1))
    .map((one, index) => ({ ...one, number: listed?.get(one.name) ?? index + 1 }));
  if (table !== undefined) {
    if (areListed) tellUnassigned(table, request);
    try {
      await readHashes(transport, table, request);
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      table.hashes.fill(0n);
      problems.add({ key: checksumsKey(backup), file: undefined, what: error.message });
    }
  } else if (sentinel.kind === 'delta') {
    problems.add({ key: filesMetadataKey(backup), file: undefined, what: 'a delta without a list of its files' });
  } else notes.push('the backup has no list of its files, so that their names were compared with nothing');
  signal?.throwIfAborted();
  return {
    table,
    arePartsListed: areListed,
    parts,
    control: control?.object,
    label: label?.object,
    names: table === undefined || areListed ? 0 : sumOfNames(table),
  };
}

async function visitFiles(
  transport: Transport,
  { backup, sentinel, signal }: ExpectedFilesRequest,
  visitor: FilesMetadataVisitor,
): Promise<void> {
  if (sentinel.embeddedFiles !== undefined) {
    const { files, tarFileSets } = sentinel.embeddedFiles;
    for (const [name, entry] of files) visitor.file?.(name, entry);
    for (const [tar, members] of tarFileSets) visitor.tarFileSet?.(tar, members);
    return;
  }
  const key = filesMetadataKey(backup);
  await readFilesMetadata(await transport.storage.read(key, { signal }), visitor, `"${key}"`);
}

async function readTable(transport: Transport, request: ExpectedFilesRequest): Promise<FileTable | undefined> {
  const { backup, sentinel, problems } = request;
  if (sentinel.embeddedFiles === undefined && sentinel.filesMetadataDisabled) return undefined;
  const paths: string[] = [];
  const entries: Pick<FileEntry, 'isIncremented' | 'isSkipped' | 'sizeBytes'>[] = [];
  try {
    await visitFiles(transport, request, {
      file(name, { isIncremented, isSkipped, sizeBytes }) {
        paths.push(memberPath(name));
        entries.push({ isIncremented, isSkipped, sizeBytes });
      },
    });
  } catch (error) {
    const isOld = error instanceof ObjectNotFoundError && sentinel.summary === undefined;
    if (isOld) return undefined;
    if (!(error instanceof CorruptError) && !(error instanceof ObjectNotFoundError)) throw error;
    const what = error instanceof CorruptError ? error.message : 'is missing';
    problems.add({ key: filesMetadataKey(backup), file: undefined, what });
    return undefined;
  }
  if (paths.length === 0) return undefined;
  const table = createFileTable(createNameSet(paths));
  for (const [index, { isIncremented, isSkipped, sizeBytes = -1 }] of entries.entries()) {
    const number = table.names.numberOf(paths[index] ?? '') ?? 0;
    table.kinds[number] = isSkipped ? fileKind.skipped : isIncremented ? fileKind.increment : fileKind.whole;
    table.sizes[number] = sizeBytes;
  }
  return table;
}

/** @returns the numbers of the parts that the list names, but for that of the label */
async function readParts(
  transport: Transport,
  table: FileTable,
  request: ExpectedFilesRequest,
  present: readonly { readonly name: string }[],
): Promise<ReadonlyMap<string, number>> {
  const { backup, objects, problems } = request;
  const there = new Set(present.map(({ name }) => name));
  const listed = new Map<string, number>();
  const folder = objects[0]?.key.replace(/[^/]*$/, '') ?? '';

  function numberOf(member: string): number | undefined {
    const number = table.names.numberOf(memberPath(member));
    return number === undefined || table.kinds[number] === fileKind.skipped ? undefined : number;
  }

  try {
    await visitFiles(transport, request, {
      tarFileSet(tar, members) {
        if (isLabelPart(tar) || isControlPart(tar)) return;
        const part = listed.size + 1;
        listed.set(tar, part);
        let first: string | undefined;
        for (const member of members) {
          const number = numberOf(member);
          if (number === undefined) continue;
          table.parts[number] = part;
          first ??= member;
        }
        // What was assigned to a part may have vanished before it was packed.
        if (there.has(tar) || first === undefined) return;
        const what = `is missing, with ${members.length} files of the backup such as "${first}"`;
        problems.add({ key: `${folder}${tar}`, file: undefined, what });
      },
    });
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    problems.add({ key: filesMetadataKey(backup), file: undefined, what: error.message });
  }
  return listed;
}

function tellUnassigned({ names, parts, kinds }: FileTable, { backup, problems }: ExpectedFilesRequest): void {
  if (!parts.some((part, number) => part === 0 && kinds[number] !== fileKind.skipped)) return;
  for (const [number, name] of names.entries()) {
    if (parts[number] !== 0 || kinds[number] === fileKind.skipped || name === controlFilePath) continue;
    problems.add({ key: filesMetadataKey(backup), file: name, what: 'is in no part, by the list of files' });
  }
}

async function readHashes(
  transport: Transport,
  { names, hashes, sizes, kinds }: FileTable,
  { backup, sentinel, signal }: ExpectedFilesRequest,
): Promise<void> {
  const opened = await openObject(transport, checksumsKey(backup), { signal });
  if (opened === undefined) return;
  await readChecksums(opened.bytes, sentinel, (name, sum) => {
    const number = names.numberOf(memberPath(name));
    if (number === undefined || sum.type !== 'file' || kinds[number] !== fileKind.whole) return;
    hashes[number] = sum.hash;
    sizes[number] = sum.sizeBytes;
  });
}

function sumOfNames({ names, kinds }: FileTable): number {
  let sum = 0;
  for (const [number, name] of names.entries()) {
    if (kinds[number] !== fileKind.skipped) sum = addNameSums(sum, nameSum(name));
  }
  return sum;
}
