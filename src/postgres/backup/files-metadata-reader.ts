/** Reading `files_metadata.json`, as a stream or into memory, and what old sentinels hold of it. */
import type { ByteSource } from '../../bytes/stage.ts';
import { readJsonEntries } from '../../catalog/json-entries.ts';
import { JsonFields } from '../../catalog/json-fields.ts';
import { parseJson, type JsonValue } from '../../catalog/json.ts';
import { parseTime } from '../../catalog/time.ts';
import { CorruptError } from '../../errors.ts';
import type { DatabaseEntry, FileEntry, FilesMetadata, RelationEntry } from './files-metadata.ts';

/** Receives entries as they are read. What is not given is skipped. */
export interface FilesMetadataVisitor {
  file?(name: string, entry: FileEntry): void;
  tarFileSet?(tar: string, members: readonly string[]): void;
  database?(name: string, entry: DatabaseEntry): void;
}

/**
 * Reads it as it arrives; memory stays flat when the visitor keeps nothing.
 *
 * @throws CorruptError for anything that is no such JSON, truncation included
 */
export async function readFilesMetadata(
  source: ByteSource,
  visitor: FilesMetadataVisitor,
  what = 'files metadata',
): Promise<void> {
  await readJsonEntries(source, what, (section, name, text) => {
    if (section === 'Files' && visitor.file === undefined) return;
    const entry = section === 'Files' ? ordinaryFile(text) : undefined;
    if (entry !== undefined) visitor.file?.(name, entry);
    else visit(visitor, section, name, () => parseJson(text, `"${name}" of ${what}`), what);
  });
}

/** Members of an entry as every release writes them. */
interface OrdinaryFile {
  readonly IsIncremented?: unknown;
  readonly IsSkipped?: unknown;
  readonly MTime?: unknown;
  readonly UpdatesCount?: unknown;
  readonly Size?: unknown;
}

const ordinaryForm = /^\{"(?:IsIncremented|IsSkipped|MTime|UpdatesCount|Size)":[^{}[\]]*\}$/;

/** The entry when it is of the usual form: several times as fast as the lenient way, for clusters of a million files. */
function ordinaryFile(text: string): FileEntry | undefined {
  if (!ordinaryForm.test(text)) return undefined;
  let raw: OrdinaryFile;
  try {
    raw = JSON.parse(text) as OrdinaryFile;
  } catch {
    return undefined;
  }
  const { IsIncremented: isIncremented, IsSkipped: isSkipped, MTime: modified, UpdatesCount: updatesCount } = raw;
  const { Size: sizeBytes } = raw;
  if (typeof isIncremented !== 'boolean' || typeof isSkipped !== 'boolean' || typeof modified !== 'string')
    return undefined;
  if (typeof updatesCount !== 'number' || !Number.isSafeInteger(updatesCount)) return undefined;
  const entry = { isIncremented, isSkipped, modified: parseTime(modified), updatesCount };
  const members = Object.keys(raw).length;
  if (sizeBytes === undefined) return members === 4 ? entry : undefined;
  const isCount = typeof sizeBytes === 'number' && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0;
  return isCount && members === 5 ? { ...entry, sizeBytes } : undefined;
}

/** Reads all of it into memory. @throws CorruptError */
export async function loadFilesMetadata(source: ByteSource, what = 'files metadata'): Promise<FilesMetadata> {
  const { visitor, result } = collector();
  await readFilesMetadata(source, visitor, what);
  return result;
}

/** Takes it from the sentinel of a release before 2.0. @throws CorruptError */
export function filesMetadataOf(sentinel: JsonFields): FilesMetadata {
  const { visitor, result } = collector();
  for (const section of ['Files', 'TarFileSets', 'DatabasesByNames']) {
    for (const [name, value] of sentinel.object(section)?.entries() ?? []) {
      visit(visitor, section, name, () => value, `"${section}" of the sentinel`);
    }
  }
  return result;
}

function collector(): { readonly visitor: FilesMetadataVisitor; readonly result: FilesMetadata } {
  const files = new Map<string, FileEntry>();
  const tarFileSets = new Map<string, readonly string[]>();
  const databases = new Map<string, DatabaseEntry>();
  const visitor: FilesMetadataVisitor = {
    file: (name, entry) => files.set(name, entry),
    tarFileSet: (tar, members) => tarFileSets.set(tar, members),
    database: (name, entry) => databases.set(name, entry),
  };
  return { visitor, result: { files, tarFileSets, databases } };
}

function visit(
  visitor: FilesMetadataVisitor,
  section: string,
  name: string,
  read: () => JsonValue,
  what: string,
): void {
  switch (section.toLowerCase()) {
    case 'files':
      visitor.file?.(name, readFile(new JsonFields(read(), `"${name}" of ${what}`)));
      break;
    case 'tarfilesets':
      visitor.tarFileSet?.(name, readNames(read(), `"${name}" of ${what}`));
      break;
    case 'databasesbynames':
      visitor.database?.(name, readDatabase(new JsonFields(read(), `"${name}" of ${what}`)));
      break;
    default:
  }
}

function readFile(fields: JsonFields): FileEntry {
  const corrupt = fields.object('CorruptBlocks');
  const sizeBytes = fields.count('Size');
  return {
    isIncremented: fields.flag('IsIncremented') ?? false,
    isSkipped: fields.flag('IsSkipped') ?? false,
    modified: fields.required('MTime', fields.time('MTime')),
    updatesCount: fields.count('UpdatesCount') ?? 0,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(corrupt === undefined
      ? {}
      : {
          corruptBlocks: {
            count: corrupt.count('CorruptBlocksCount') ?? 0,
            some: corrupt.counts('SomeCorruptBlocks') ?? [],
          },
        }),
  };
}

function readNames(value: JsonValue, what: string): readonly string[] {
  if (value === null) return [];
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
    throw new CorruptError(`${what} is not a list of names`);
  }
  return value;
}

function readDatabase(fields: JsonFields): DatabaseEntry {
  return { oid: fields.count('oid') ?? 0, tables: readRelations(fields.object('tables_new')) ?? new Map() };
}

function readRelations(fields: JsonFields | undefined): ReadonlyMap<string, RelationEntry> | undefined {
  if (fields === undefined) return undefined;
  const relations = new Map<string, RelationEntry>();
  for (const [name, value] of fields.entries()) {
    const relation = new JsonFields(value, `relation "${name}" in files metadata`);
    relations.set(name, {
      oid: relation.count('oid') ?? 0,
      relfilenode: relation.count('relfilenode') ?? 0,
      subtables: readRelations(relation.object('subtables')),
    });
  }
  return relations;
}
