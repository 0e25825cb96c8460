/** What `binlog-push --follow` stored of binary logs that were not complete then. */
import type { ByteSource } from '../../../bytes/stage.ts';
import { binlogTailFolder } from '../../../catalog/layout.ts';
import { CorruptError } from '../../../errors.ts';
import { readDecoded, type Transport } from '../../../pipeline/transport.ts';
import type { Abortable, Key, ObjectInfo, Storage } from '../../../storage/storage.ts';
import { compareBinlogNames, type BinlogName } from '../binlog-name.ts';
import { eventTypes } from '../events/event.ts';
import { readEvents } from '../events/read-events.ts';
import { longestChain } from './run-chain.ts';
import { parseRunKey, type NamedRun } from './run-key.ts';

/** The beginning of a binary log, up to some event. */
export interface TailBinlog {
  /** File name: `mysql-bin.000007`. */
  readonly name: string;
  /** How much of the file there is, from its magic on; it ends with a whole event. */
  readonly sizeBytes: number;
  /** When the last of it was stored. */
  readonly modified: Date;
  /** Reads it as a binlog file. May be called again. @throws the storage's errors and `CorruptError` while reading */
  open(): ByteSource;
}

/** A run on the storage. */
export interface StoredRun extends NamedRun {
  readonly key: Key;
  readonly modified: Date;
}

/** All runs of one binary log. */
export interface StoredTail {
  readonly binlog: BinlogName;
  /** Those that make up its beginning, in order; empty when its very beginning is missing. */
  readonly chain: readonly StoredRun[];
  /** All of its runs, also those that others have made needless. */
  readonly keys: readonly Key[];
}

/**
 * Lists them by base name and number. A log that is complete in the archive may be among them for a while: that one counts
 * (`range/source.ts`).
 *
 * @throws the storage's errors
 */
export async function openTail(transport: Transport, options: Abortable = {}): Promise<readonly TailBinlog[]> {
  const tails = await listTails(transport.storage, options);
  return tails.flatMap(({ binlog, chain }) => {
    const last = chain.at(-1);
    if (last === undefined) return [];
    const modified = chain.reduce((latest, run) => (run.modified > latest ? run.modified : latest), last.modified);
    return [{ name: binlog.name, sizeBytes: last.end, modified, open: () => readRuns(transport, chain, options) }];
  });
}

/** What there is of every binary log, by base name and number. */
export async function listTails(storage: Storage, options: Abortable = {}): Promise<readonly StoredTail[]> {
  const runs = new Map<string, StoredRun[]>();
  for await (const entry of storage.list(binlogTailFolder, { ...options, recursive: true })) {
    if (entry.kind !== 'object') continue;
    const run = storedRun(entry);
    if (run === undefined) continue;
    const known = runs.get(run.binlog.name);
    if (known === undefined) runs.set(run.binlog.name, [run]);
    else known.push(run);
  }
  const tails = [...runs.values()].flatMap((all) => {
    const [first] = all;
    return first === undefined
      ? []
      : [{ binlog: first.binlog, chain: longestChain(all), keys: all.map(({ key }) => key) }];
  });
  return tails.sort((a, b) => compareBinlogNames(a.binlog, b.binlog));
}

/** Reads runs one behind the other. @throws the storage's errors, CorruptError when one is not as long as its name says */
export async function* readRuns(
  transport: Transport,
  chain: readonly StoredRun[],
  options: Abortable = {},
): ByteSource {
  for (const { key, start, end } of chain) {
    let bytes = 0;
    for await (const chunk of await readDecoded(transport, key, options)) {
      bytes += chunk.length;
      yield chunk;
    }
    if (bytes !== end - start) throw new CorruptError(`"${key}" has ${bytes} bytes, and not ${end - start}`);
  }
}

/** Whether a followed log ends as a server ends one, so that nothing of it is missing. Reads all of it. @throws as {@link readRuns} */
export async function isClosed(transport: Transport, tail: StoredTail, options: Abortable): Promise<boolean> {
  let isEnd = false;
  for await (const { type } of readEvents(readRuns(transport, tail.chain, options), { name: tail.binlog.name })) {
    isEnd = type === eventTypes.rotate || type === eventTypes.stop;
  }
  return isEnd;
}

function storedRun({ key, modified }: ObjectInfo): StoredRun | undefined {
  const named = parseRunKey(key);
  return named && { ...named, key, modified };
}
