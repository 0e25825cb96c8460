/**
 * `files_metadata.json` of a PostgreSQL backup: one entry per file, per tar part and per database. It may exceed a gigabyte,
 * more than a string can hold, so that it is written and read entry by entry. Shape: `docs/storage-layout.md`.
 */
import type { ByteSource } from '../../bytes/stage.ts';
import { stringifyJson, type JsonValue } from '../../catalog/json.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';

/** Pages that failed their checksum. */
export interface CorruptBlocks {
  readonly count: number;
  /** Their numbers, ascending; not always all of them. */
  readonly some: readonly number[];
}

/** What is recorded of one walked file or folder. */
export interface FileEntry {
  /** Its tar member is an increment. */
  readonly isIncremented: boolean;
  /** It has no tar member here: unchanged since the parent. */
  readonly isSkipped: boolean;
  /** Modification time when it was walked. */
  readonly modified: TimeNs;
  /** Size when it was walked, 0 of a folder; only walvault records it, in local backups. */
  readonly sizeBytes?: number | undefined;
  /** Tuples inserted, updated and deleted; 0 unless parts are composed by it. */
  readonly updatesCount: number;
  readonly corruptBlocks?: CorruptBlocks | undefined;
}

/** A relation, for partial restore. */
export interface RelationEntry {
  readonly oid: number;
  /** Number of its file; 0 for a partitioned table. */
  readonly relfilenode: number;
  /** All descendants, by `<schema>.<relation>`. */
  readonly subtables?: ReadonlyMap<string, RelationEntry> | undefined;
}

/** A database, for partial restore. */
export interface DatabaseEntry {
  readonly oid: number;
  /** By `<schema>.<relation>`. */
  readonly tables: ReadonlyMap<string, RelationEntry>;
}

/** The whole of it, in memory. */
export interface FilesMetadata {
  /** By tar member name. */
  readonly files: ReadonlyMap<string, FileEntry>;
  /** Member names by tar object name, suffix included. */
  readonly tarFileSets: ReadonlyMap<string, readonly string[]>;
  readonly databases: ReadonlyMap<string, DatabaseEntry>;
}

/** The same, to be written: each part is gone through once. */
export interface FilesMetadataEntries {
  readonly files: Iterable<readonly [string, FileEntry]>;
  readonly tarFileSets: Iterable<readonly [string, readonly string[]]>;
  readonly databases?: Iterable<readonly [string, DatabaseEntry]> | undefined;
}

const chunkCharacters = 256 * 1024;

/** Writes it in chunks of about 256 KiB. Keys without entries are left out, as WAL-G does. */
export async function* formatFilesMetadata(entries: FilesMetadataEntries): ByteSource {
  let text = '';
  for (const piece of pieces(entries)) {
    text += piece;
    if (text.length < chunkCharacters) continue;
    yield Buffer.from(text);
    text = '';
    // Lets signals in: writing a million entries is seconds of work.
    await new Promise(setImmediate);
  }
  yield Buffer.from(text);
}

function* pieces({ files, tarFileSets, databases = [] }: FilesMetadataEntries): Generator<string> {
  let lead = '{';
  for (const [name, entries] of [
    ['Files', mapped(files, fileText)],
    ['TarFileSets', mapped(tarFileSets, (members) => JSON.stringify(members))],
    ['DatabasesByNames', mapped(databases, (database) => stringifyJson(databaseToJson(database)))],
  ] as const) {
    let comma = `${lead}"${name}":{`;
    let any = false;
    for (const [key, text] of entries) {
      yield `${comma}${JSON.stringify(key)}:${text}`;
      comma = ',';
      any = true;
    }
    if (!any) continue;
    yield '}';
    lead = ',';
  }
  yield lead === '{' ? '{}' : '}';
}

function* mapped<T>(
  entries: Iterable<readonly [string, T]>,
  format: (value: T) => string,
): Generator<[string, string]> {
  for (const [key, value] of entries) yield [key, format(value)];
}

function fileText({ isIncremented, isSkipped, modified, updatesCount, corruptBlocks, sizeBytes }: FileEntry): string {
  const corrupt =
    corruptBlocks === undefined
      ? ''
      : `,"CorruptBlocks":{"CorruptBlocksCount":${corruptBlocks.count},"SomeCorruptBlocks":${JSON.stringify(corruptBlocks.some)}}`;
  const time = formatTime(modified, 'local');
  const size = sizeBytes === undefined ? '' : `,"Size":${sizeBytes}`;
  return `{"IsIncremented":${isIncremented},"IsSkipped":${isSkipped},"MTime":"${time}"${corrupt},"UpdatesCount":${updatesCount}${size}}`;
}

function databaseToJson({ oid, tables }: DatabaseEntry): JsonValue {
  return { oid, tables_new: relationsToJson(tables) };
}

function relationsToJson(relations: ReadonlyMap<string, RelationEntry> | undefined): JsonValue | undefined {
  if (relations === undefined || relations.size === 0) return undefined;
  return Object.fromEntries(
    [...relations].map(([name, { oid, relfilenode, subtables }]): [string, JsonValue] => [
      name,
      { oid, relfilenode, subtables: relationsToJson(subtables) },
    ]),
  );
}
