/** What all PostgreSQL commands must know of the server's build. */
import { integer } from '../config/parsers.ts';
import { setting, type Parser } from '../config/setting.ts';

const mebibyte = 1024 * 1024;

/** Sizes of WAL segments: the setting counts mebibytes, its value is in bytes. */
const segmentSize: Parser<number> = {
  type: 'integer',
  allowed: 'a power of two from 1 to 1024',
  parse(given) {
    const size = integer({ min: 1, max: 1024 }).parse(given);
    if ((size & (size - 1)) !== 0) throw new Error('not a power of two');
    return size * mebibyte;
  },
};

/** Settings of every PostgreSQL command. */
export const postgresSettings = {
  segmentBytes: setting(
    'WALG_PG_WAL_SIZE',
    segmentSize,
    '16',
    'Size of the server’s WAL segments (initdb --wal-segsize).',
    { unit: 'MiB' },
  ),
};
