/** What all PostgreSQL commands must know of the server's build, and where things are. */
import { integer, path, text } from '../config/parsers.ts';
import { optionalSetting, setting, type Parser } from '../config/setting.ts';

const mebibyte = 1024 * 1024;

/** Sizes of WAL segments: the setting counts mebibytes, its value is in bytes. */
const segmentSize: Parser<number> = {
  type: 'integer',
  allowed: 'a power of two from 1 to 1024',
  parse: (given) => powerOfTwo(given, 1, 1024) * mebibyte,
};

const blockSize: Parser<number> = {
  type: 'integer',
  allowed: 'a power of two from 1024 to 65536',
  parse: (given) => powerOfTwo(given, 1024, 65_536),
};

function powerOfTwo(given: string, min: number, max: number): number {
  const size = integer({ min, max }).parse(given);
  if ((size & (size - 1)) !== 0) throw new Error('not a power of two');
  return size;
}

/** Settings of every PostgreSQL command. */
export const postgresSettings = {
  segmentBytes: setting(
    'WALG_PG_WAL_SIZE',
    segmentSize,
    '16',
    'Size of the server’s WAL segments (initdb --wal-segsize).',
    { unit: 'MiB' },
  ),
  blockBytes: setting('WALG_PG_BLOCK_SIZE', blockSize, '8192', 'Size of the server’s data pages.', { unit: 'bytes' }),
  walPageBytes: setting('WALG_PG_WAL_PAGE_SIZE', blockSize, '8192', 'Size of the server’s WAL pages.', {
    unit: 'bytes',
  }),
  dataDirectory: optionalSetting(
    'PGDATA',
    path,
    'Data directory of the server, to find its WAL folder and control file where the path of a segment does not tell.',
  ),
  targetStorage: optionalSetting(
    'WALG_TARGET_STORAGE',
    text,
    'The storage to use of several; flag --target-storage. This version knows one, `default`.',
  ),
};
