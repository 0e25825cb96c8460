/** Reads what `lzop` and WAL-E wrote. */
import type { Stage } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';

/** Not in this version. @throws ArchiverError (`config`) */
export const decompressLzo: Stage = () => {
  throw new ArchiverError('config', 'objects compressed by lzop cannot be read by this version', {
    hint: 'Use WAL-G to read them.',
  });
};
