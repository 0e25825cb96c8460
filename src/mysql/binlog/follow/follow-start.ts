/** Where following begins: right behind what the archive holds, if the server still has it and it is the same server. */
import { ArchiverError } from '../../../errors.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import type { Abortable } from '../../../storage/storage.ts';
import type { ServerBinlog } from '../../server/server.ts';
import { listBinlogs, type ArchivedBinlog } from '../archive.ts';
import { binlogNamed, binlogNameOf, compareBinlogNames, type BinlogName } from '../binlog-name.ts';
import { BinlogsPurgedError, ForeignBinlogsError } from './errors.ts';
import { listTails, type StoredTail } from './tail.ts';

/** What the archive holds of the server's binary logs. */
export interface ArchiveEnd {
  /** The last complete one of the base name that the server uses. */
  readonly last: ArchivedBinlog | undefined;
  /** Followed ones behind it, by number. */
  readonly tails: readonly StoredTail[];
  /** Followed ones that are complete meanwhile. */
  readonly needless: readonly StoredTail[];
}

/** What to do before following, and where to begin. */
export interface FollowStart {
  /** Followed to their ends, and not stored as a whole yet. */
  readonly toComplete: readonly StoredTail[];
  readonly binlog: BinlogName;
  /** 0: the beginning of the file. */
  readonly position: number;
  /** Given up: what `--accept-gap` passes over. */
  readonly gap: string | undefined;
}

/** Reads what the archive holds of binary logs with a base name. @throws the storage's errors */
export async function readArchiveEnd(transport: Transport, base: string, options: Abortable): Promise<ArchiveEnd> {
  const { storage } = transport;
  const [complete, tails] = await Promise.all([listBinlogs(storage, options), listTails(storage, options)]);
  const names = new Set(complete.map(({ name }) => name));
  const last = complete.filter((binlog) => binlog.base === base).at(-1);
  const own = tails.filter(({ binlog }) => binlog.base === base);
  return {
    last,
    tails: own.filter(({ binlog, chain }) => chain.length > 0 && binlog.number > (last?.number ?? -1)),
    needless: own.filter(({ binlog }) => names.has(binlog.name)),
  };
}

/** How to decide. */
export interface StartOptions {
  /** Begin where the server's logs begin when it has removed what the archive lacks. */
  readonly acceptGap: boolean;
  /** Names of followed logs that are known to be whole by what is in them. */
  readonly closed?: ReadonlySet<string> | undefined;
}

/**
 * Decides it. Pure.
 *
 * @param listed what the server lists, oldest first, not empty
 * @throws BinlogsPurgedError unless gaps are accepted, ForeignBinlogsError
 */
export function decideStart(
  { last, tails }: ArchiveEnd,
  listed: readonly ServerBinlog[],
  { acceptGap, closed = new Set() }: StartOptions,
): FollowStart {
  const logs = listed.map((log) => ({ ...log, ...binlogNamed(log.name) })).sort(compareBinlogNames);
  const [first, newest] = [logs[0], logs.at(-1)];
  if (first === undefined || newest === undefined) throw new ArchiverError('config', 'the server has no binary logs');
  if (last !== undefined && last.number >= newest.number) {
    throw new ForeignBinlogsError(`it has "${last.name}" complete, and the server still writes "${newest.name}"`);
  }
  const toComplete: StoredTail[] = [];
  let next = last === undefined ? (tails[0]?.binlog ?? first) : binlogNameOf(first.base, last.number + 1);
  for (;;) {
    const tail = tails.find(({ binlog }) => binlog.number === next.number);
    const end = tail?.chain.at(-1)?.end ?? 0;
    const log = logs.find(({ number }) => number === next.number);
    if (log === undefined && tail !== undefined && closed.has(next.name)) {
      toComplete.push(tail);
      next = binlogNameOf(first.base, next.number + 1);
      continue;
    }
    if (log === undefined) {
      if (next.number > newest.number) {
        throw new ForeignBinlogsError(`it has "${next.name}", and the server's last one is "${newest.name}"`);
      }
      return skipped(next, end, first, { acceptGap, toComplete });
    }
    if (end > log.sizeBytes) {
      throw new ForeignBinlogsError(`it has ${end} bytes of "${log.name}", and the server ${log.sizeBytes}`);
    }
    // The length of an encrypted file says little of what is in it; the server goes on by itself where there is no more.
    if (tail === undefined || end < log.sizeBytes || log.isEncrypted || log.number === newest.number) {
      return { toComplete, binlog: log, position: end, gap: undefined };
    }
    toComplete.push(tail);
    next = binlogNameOf(log.base, log.number + 1);
  }
}

function skipped(
  next: BinlogName,
  end: number,
  first: BinlogName,
  { acceptGap, toComplete }: StartOptions & { readonly toComplete: readonly StoredTail[] },
): FollowStart {
  const rest = end === 0 ? JSON.stringify(next.name) : `"${next.name}" from ${end} on`;
  const until = first.number - next.number > 1 ? ` up to "${binlogNameOf(first.base, first.number - 1).name}"` : '';
  const gap = `${rest}${until}`;
  if (!acceptGap) throw new BinlogsPurgedError(gap);
  return { toComplete, binlog: first, position: 0, gap };
}
