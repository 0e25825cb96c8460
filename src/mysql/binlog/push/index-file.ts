/** The index file of a server: the names of its binary logs, one on each line, the active one last. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ArchiverError, codeOf, CorruptError, messageOf } from '../../../errors.ts';
import { readStart } from '../../../platform/files.ts';
import { parseBinlogName, type BinlogName } from '../binlog-name.ts';
import { binlogMagic, flagsAt, headerBytes, inUseFlag } from '../events/event.ts';

/** An index file, read. */
export interface BinlogIndex {
  readonly path: string;
  /** In the order of the file; the last one is the active one. */
  readonly names: readonly BinlogName[];
}

/** @throws ArchiverError (`missing`, `forbidden`, `unavailable`), CorruptError when it names something else */
export function readIndexFile(path: string): BinlogIndex {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return { path, names: names.map((line) => nameIn(line, path)) };
}

function nameIn(line: string, path: string): BinlogName {
  const name = parseBinlogName(basename(line));
  if (name !== undefined) return name;
  throw new CorruptError(`"${path}" names what is no binary log: ${JSON.stringify(line.slice(0, 200))}`, {
    hint: 'Names of binary logs end in a dot and a number, as in mysql-bin.000007.',
  });
}

/** Flag of what a replica has fetched, which no server has as its own binary log. */
const relayLogFlag = 0x0040;

/**
 * The index files of a directory that a server is using: whose last binary log lies there and is marked as open. A server
 * that ended marks it as closed; one that crashed leaves the mark.
 */
export function indexFilesInUse(directory: string): readonly BinlogIndex[] {
  return indexFilesIn(directory).filter(({ names }) => isOpen(directory, names.at(-1)));
}

/** The index files of binary logs in a directory, not those of relay logs. @throws ArchiverError */
export function indexFilesIn(directory: string): readonly BinlogIndex[] {
  let files: readonly string[];
  try {
    files = readdirSync(directory);
  } catch (cause) {
    throw unreadable(directory, cause);
  }
  const indexes: BinlogIndex[] = [];
  for (const file of files.filter((name) => name.endsWith('.index')).sort()) {
    const index = readIndexFile(join(directory, file));
    const last = index.names.at(-1);
    if (last !== undefined && ((flagsOf(directory, last) ?? 0) & relayLogFlag) === 0) indexes.push(index);
  }
  return indexes;
}

function isOpen(directory: string, last: BinlogName | undefined): boolean {
  return last !== undefined && ((flagsOf(directory, last) ?? 0) & inUseFlag) !== 0;
}

/** Flags of the first event; undefined when there is no such file, or it is none. */
function flagsOf(directory: string, { name }: BinlogName): number | undefined {
  try {
    const start = readStart(join(directory, name), binlogMagic.length + headerBytes);
    if (start.length < binlogMagic.length + headerBytes || start.indexOf(binlogMagic) !== 0) return undefined;
    return start.readUInt16LE(binlogMagic.length + flagsAt);
  } catch {
    return undefined;
  }
}

function unreadable(path: string, cause: unknown): ArchiverError {
  const code = codeOf(cause);
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  const isForbidden = code === 'EACCES' || code === 'EPERM';
  const kind = isMissing ? 'missing' : isForbidden ? 'forbidden' : 'unavailable';
  const reason = isMissing ? 'there is none' : isForbidden ? 'permission denied' : messageOf(cause);
  throw new ArchiverError(kind, `cannot read "${path}": ${reason}`, {
    cause,
    hint: 'binlog-push reads the files of the server: run it on its host, as a user who may read them, or set WALG_MYSQL_BINLOG_SRC to where they are mounted.',
  });
}
