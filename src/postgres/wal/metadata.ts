/** JSON objects with the times of archived WAL files, `WALG_UPLOAD_WAL_METADATA` (`postgres-storage.md` 12.2). */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBytes } from '../../bytes/stage.ts';
import { isJsonObject, parseJson, stringifyJson, type JsonObject } from '../../catalog/json.ts';
import { walKey } from '../../catalog/layout.ts';
import { formatTime } from '../../catalog/time.ts';
import { codeOf, CorruptError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Storage } from '../../storage/storage.ts';
import { dateFormatText } from '../../catalog/json-members.ts';
import { isSegmentName } from '../wal-segment.ts';

/** What is recorded, and where it waits. */
export interface WalMetadataOptions {
  readonly mode: 'INDIVIDUAL' | 'BULK';
  readonly storage: Storage;
  /** Where the records of a group are kept until it is complete (BULK). */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** A file that was archived. */
export interface ArchivedWalFile {
  readonly name: string;
  readonly modifiedNs: bigint;
}

/**
 * Records an archived file: as an object of its own, or together with its group of 16, when the last segment of that is
 * archived. Safe to repeat.
 *
 * @throws the storage's error; the system's for those of local files
 */
export async function recordWalFile(file: ArchivedWalFile, options: WalMetadataOptions): Promise<void> {
  const { name, modifiedNs } = file;
  const created = formatTime(modifiedNs);
  const record: JsonObject = { [name]: { created_time: created, date_fmt: dateFormatText } };
  if (options.mode === 'INDIVIDUAL') return store(`${name}.json`, record, options);
  if (!isSegmentName(name)) return;
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(options.folder, `${name}.json`), stringifyJson(record), { mode: 0o600 });
  if (name.endsWith('F')) await storeGroup(name.slice(0, 23), options);
}

async function storeGroup(group: string, options: WalMetadataOptions): Promise<void> {
  const { folder } = options;
  const names = readdirSync(folder).filter((name) => name.startsWith(group) && name.endsWith('.json'));
  const records = names.sort().map((name) => readRecord(join(folder, name)));
  const merged: JsonObject = Object.assign({}, ...records) as JsonObject;
  await store(`${group}.json`, merged, options);
  for (const name of names) rmSync(join(folder, name), { force: true });
}

/** Another process may have merged it meanwhile, or been killed while it wrote it. */
function readRecord(path: string): JsonObject {
  try {
    const record = parseJson(readFileSync(path, 'utf8'), path);
    return isJsonObject(record) ? record : {};
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof CorruptError) return {};
    throw error;
  }
}

async function store(name: string, record: JsonObject, { storage, signal }: WalMetadataOptions): Promise<void> {
  await pushPlain(storage, walKey(name), () => fromBytes(Buffer.from(stringifyJson(record))), { signal });
}
