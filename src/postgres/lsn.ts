/** Positions in the write-ahead log. Plain `<`, `===` and `-` work on them; arithmetic gives a bigint, see {@link toLsn}. */
import { ArchiverError } from '../errors.ts';

declare const lsnBrand: unique symbol;

/** A byte position in the WAL, 0 … 2^64 − 1. */
export type Lsn = bigint & { readonly [lsnBrand]: never };

const maxLsn = 0xffff_ffff_ffff_ffffn;

/** A text or number that is no LSN. */
export class LsnFormatError extends ArchiverError {
  constructor(given: string) {
    super('corrupt', `not an LSN: ${JSON.stringify(given)}`, {
      hint: 'An LSN is written as two hexadecimal numbers with a slash, such as 16/B374D848.',
    });
  }
}

/** Makes an LSN of a number. @throws LsnFormatError when it is negative or needs more than 64 bits */
export function toLsn(position: bigint): Lsn {
  if (position < 0n || position > maxLsn) throw new LsnFormatError(String(position));
  return position as Lsn;
}

/**
 * Parses the text form of an LSN, two hexadecimal halves such as `16/B374D848`, in either case.
 *
 * @throws LsnFormatError (kind `corrupt`) when the text is not of that form
 * @see PostgreSQL `pg_lsn_in`, src/backend/utils/adt/pg_lsn.c
 */
export function parseLsn(text: string): Lsn {
  const halves = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  const [, high, low] = halves ?? [];
  if (high === undefined || low === undefined) throw new LsnFormatError(text);
  return ((BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)) as Lsn;
}

/** The text form, upper case and not padded: `0/2000028`. */
export function formatLsn(lsn: Lsn): string {
  const low = lsn & 0xffff_ffffn;
  return `${(lsn >> 32n).toString(16)}/${low.toString(16)}`.toUpperCase();
}
