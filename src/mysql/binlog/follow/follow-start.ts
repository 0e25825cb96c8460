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

/**
 * Decides it. Pure.
 *
 * @param listed what the server lists, oldest first, not empty
 * @throws BinlogsPurgedError unless gaps are accepted, ForeignBinlogsError
 */
export function decideStart(
  { last, tails }: ArchiveEnd,
  listed: readonly ServerBinlog[],
  { acceptGap }: { readonly acceptGap: boolean },
): FollowStart {
  const logs = listed.map((log) => ({ ...binlogNamed(log.name), sizeBytes: log.sizeBytes })).sort(compareBinlogNames);
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
    if (log === undefined) {
      if (next.number > newest.number) {
        throw new ForeignBinlogsError(`it has "${next.name}", and the server's last one is "${newest.name}"`);
      }
      return skipped(next, end, first, { acceptGap, toComplete });
    }
    if (end > log.sizeBytes) {
      throw new ForeignBinlogsError(`it has ${end} bytes of "${log.name}", and the server ${log.sizeBytes}`);
    }
    if (tail === undefined || end < log.sizeBytes || log.number === newest.number) {
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
  { acceptGap, toComplete }: { readonly acceptGap: boolean; readonly toComplete: readonly StoredTail[] },
): FollowStart {
  const rest = end === 0 ? JSON.stringify(next.name) : `"${next.name}" from ${end} on`;
  const until = first.number - next.number > 1 ? ` up to "${binlogNameOf(first.base, first.number - 1).name}"` : '';
  const gap = `${rest}${until}`;
  if (!acceptGap) throw new BinlogsPurgedError(gap);
  return { toComplete, binlog: first, position: 0, gap };
}
