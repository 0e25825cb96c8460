/**
 * Names of what `binlog-push --follow` stores of a binary log that is not complete: runs of whole events,
 * `walvault_binlog/<binary log>/<first byte>-<byte behind the last><.ext>`. The folder is ours: WAL-G does not look into it.
 */
import { binlogTailFolder } from '../../../catalog/layout.ts';
import { withoutExtension } from '../../../codecs/open.ts';
import { baseNameOf } from '../../../storage/key.ts';
import type { Key } from '../../../storage/storage.ts';
import { parseBinlogName, type BinlogName } from '../binlog-name.ts';

/** Which bytes of a binary log a run holds. */
export interface RunRange {
  /** The first byte, from 0: the magic of the file. */
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

/** What the name of a stored run says. */
export interface NamedRun extends RunRange {
  readonly binlog: BinlogName;
}

/** Folder of one binary log's runs. */
export function runFolder(binlog: string): Key {
  return `${binlogTailFolder}/${binlog}`;
}

/** Logical key (without the suffix of a codec) of a run. */
export function runKey(binlog: string, { start, end }: RunRange): Key {
  return `${runFolder(binlog)}/${padded(start)}-${padded(end)}`;
}

/** Takes the key of a stored object apart; undefined when it is no run's. */
export function parseRunKey(key: Key): NamedRun | undefined {
  const parts = key.split('/');
  const binlog = parseBinlogName(parts[1] ?? '');
  const [, start, end] = /^(\d{1,15})-(\d{1,15})$/.exec(withoutExtension(baseNameOf(key))) ?? [];
  if (parts.length !== 3 || parts[0] !== binlogTailFolder || binlog === undefined) return undefined;
  const range = { start: Number(start ?? Number.NaN), end: Number(end ?? Number.NaN) };
  return range.end > range.start ? { binlog, ...range } : undefined;
}

function padded(position: number): string {
  return String(position).padStart(12, '0');
}
