/**
 * Checksums of the files of a backup, an object of ours beside its parts: what a restore in place compares the files of a
 * directory with, so that it fetches only those that differ. Other readers ignore it. Format: docs/storage-layout.md.
 */
import type { ByteSource } from '../../bytes/stage.ts';
import { backupFolder } from '../../catalog/layout.ts';
import { formatTime } from '../../catalog/time.ts';
import { CorruptError } from '../../errors.ts';
import type { Key } from '../../storage/storage.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { formatLsn } from '../lsn.ts';

/** What is known of one member of a part. */
export type StoredSum =
  | { readonly type: 'directory'; readonly mode: number }
  | {
      readonly type: 'file';
      /** Permission bits. */
      readonly mode: number;
      /** As it is in the part, where it is whole: a file that shrank while it was read ends in zeros there. */
      readonly sizeBytes: number;
      /** {@link ContentHasher} of those bytes. */
      readonly hash: bigint;
    };

/** Logical name, without the suffix of a codec: it is compressed and encrypted as the parts are. */
export function checksumsKey(backup: string): Key {
  return `${backupFolder(backup)}/walvault_checksums`;
}

/** Says which backup the list is of: one of another run of the same name, which was never completed, must not count. */
function headLine({ startLsn, finishLsn, summary, compressedBytes }: Sentinel): string {
  return JSON.stringify({
    format: 'walvault checksums',
    version: 1,
    hash: 'xxh64',
    startLsn: startLsn === undefined ? null : formatLsn(startLsn),
    finishLsn: finishLsn === undefined ? null : formatLsn(finishLsn),
    startTime: summary === undefined ? null : formatTime(summary.startTime),
    finishTime: summary === undefined ? null : formatTime(summary.finishTime),
    compressedBytes,
  });
}

const chunkCharacters = 256 * 1024;
/** No name is longer than a path, escaped. */
const longestLine = 64 * 1024;

/** Writes it, a line for each entry, by name of the member. */
export async function* formatChecksums(
  sentinel: Sentinel,
  entries: Iterable<readonly [string, StoredSum]>,
): ByteSource {
  let text = `${headLine(sentinel)}\n`;
  let count = 0;
  for (const [name, sum] of entries) {
    count += 1;
    text += `${JSON.stringify(
      sum.type === 'directory'
        ? [name, sum.mode]
        : [name, sum.mode, sum.sizeBytes, sum.hash.toString(16).padStart(16, '0')],
    )}\n`;
    if (text.length < chunkCharacters) continue;
    yield Buffer.from(text);
    text = '';
    await new Promise(setImmediate);
  }
  yield Buffer.from(`${text}{"entries":${count}}\n`);
}

/**
 * The same list for a copy of the backup whose sentinel differs in what the first line tells, as it arrives.
 *
 * @throws CorruptError when it is not a list of `from`
 */
export async function* relabelChecksums(source: ByteSource, from: Sentinel, to: Sentinel): ByteSource {
  let text = '';
  let isFirst = true;
  for await (const line of linesOf(source)) {
    if (isFirst && line !== headLine(from)) throw malformed('is of another form or backup');
    text += `${isFirst ? headLine(to) : line}\n`;
    isFirst = false;
    if (text.length < chunkCharacters) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (isFirst) throw malformed('ends early');
  yield Buffer.from(text);
}

/**
 * Reads it as it arrives.
 *
 * @param sentinel of the backup that it must be of
 *
 * @throws CorruptError for anything else, and where the end is missing
 */
export async function readChecksums(
  source: ByteSource,
  sentinel: Sentinel,
  visit: (name: string, sum: StoredSum) => void,
): Promise<void> {
  const head = headLine(sentinel);
  let count = -1;
  let isComplete = false;
  for await (const line of linesOf(source)) {
    if (isComplete) throw malformed('goes on after its end');
    if (count < 0) {
      if (line !== head) throw malformed('is of another form or backup');
      count = 0;
    } else if (line.startsWith('{')) {
      if (line !== `{"entries":${count}}`) throw malformed('has another number of entries');
      isComplete = true;
    } else {
      const [name, sum] = parseEntry(line);
      visit(name, sum);
      count += 1;
    }
  }
  if (!isComplete) throw malformed('ends early');
}

function parseEntry(line: string): readonly [string, StoredSum] {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch (cause) {
    throw malformed('has an entry that is no JSON', { cause });
  }
  if (!Array.isArray(fields)) throw malformed('has an entry that is no list');
  const [name, mode, sizeBytes, hash] = fields as readonly unknown[];
  if (typeof name === 'string' && isCount(mode)) {
    if (fields.length === 2) return [name, { type: 'directory', mode }];
    if (isCount(sizeBytes) && typeof hash === 'string' && /^[0-9a-f]{16}$/.test(hash)) {
      return [name, { type: 'file', mode, sizeBytes, hash: BigInt(`0x${hash}`) }];
    }
  }
  throw malformed('has an entry of another form');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

async function* linesOf(source: ByteSource): AsyncGenerator<string> {
  let begun = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = begun.length === 0 ? Buffer.from(chunk) : Buffer.concat([begun, chunk]);
    let at = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
      yield bytes.toString('utf8', at, end);
      at = end + 1;
    }
    begun = bytes.subarray(at);
    if (begun.length > longestLine) throw malformed('has a line without an end');
  }
  if (begun.length > 0) throw malformed('ends within a line');
}

function malformed(what: string, options: { readonly cause?: unknown } = {}): CorruptError {
  return new CorruptError(`a list of checksums ${what}`, options);
}
