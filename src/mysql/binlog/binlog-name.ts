/**
 * Names of binary logs: `mysql-bin.000007`. They are ordered by base name and number, never as text: `.999999` is followed by
 * `.1000000` (specification, `mysql.md` 10.1 and 17).
 */
import { ArchiverError } from '../../errors.ts';

/** The name of a binary log, taken apart. */
export interface BinlogName {
  /** What stands before the last dot: `mysql-bin`. */
  readonly base: string;
  /** From 0. */
  readonly number: number;
  /** As the server spells it. */
  readonly name: string;
}

/** Takes a file name apart; undefined when it is no binary log's. */
export function parseBinlogName(text: string): BinlogName | undefined {
  const [, base, digits] = /^([^/\\\0]+)\.(\d{1,15})$/.exec(text) ?? [];
  if (base === undefined || digits === undefined) return undefined;
  return { base, number: Number(digits), name: text };
}

/** The same for what a user wrote. @throws ArchiverError (`usage`) */
export function binlogNamed(text: string): BinlogName {
  const name = parseBinlogName(text);
  if (name !== undefined) return name;
  throw new ArchiverError('usage', `not the name of a binary log: ${JSON.stringify(text)}`, {
    hint: 'Names of binary logs end in a dot and a number, as in mysql-bin.000007.',
  });
}

/** The name that a server gives to the log of this number: at least six digits. */
export function binlogNameOf(base: string, number: number): BinlogName {
  return { base, number, name: `${base}.${String(number).padStart(6, '0')}` };
}

/** Orders by base name, then by number. */
export function compareBinlogNames(a: BinlogName, b: BinlogName): number {
  if (a.base !== b.base) return a.base < b.base ? -1 : 1;
  return a.number - b.number;
}
