/** The LSN from which a catchup is made, as it is given on the command line. */
import { ArchiverError } from '../../errors.ts';
import { parseLsn, toLsn, type Lsn } from '../lsn.ts';

const largest = 2n ** 64n - 1n;

/**
 * Parses a decimal number, WAL-G's form, or the form that PostgreSQL writes.
 *
 * @throws ArchiverError (kind `usage`)
 */
export function parseCatchupLsn(text: string): Lsn {
  if (/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/.test(text)) return parseLsn(text);
  const number = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (number !== undefined && number <= largest) return toLsn(number);
  throw new ArchiverError('usage', `not an LSN: "${text}"`, {
    hint: 'Give a decimal number, or the form 16/B374D848 that pg_controldata prints.',
  });
}
