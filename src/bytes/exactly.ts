import { CorruptError } from '../errors.ts';
import type { Stage } from './stage.ts';

/**
 * Lets exactly so many bytes pass.
 *
 * @param what for the error: `stream of "stream_…"`
 * @throws CorruptError when there are more, before the first of them passes, or less
 */
export function exactly(expectedBytes: number, what: string): Stage {
  return async function* (source) {
    let length = 0;
    for await (const chunk of source) {
      length += chunk.length;
      if (length > expectedBytes) throw new CorruptError(`${what} is longer than the ${expectedBytes} bytes recorded`);
      yield chunk;
    }
    if (length < expectedBytes) {
      throw new CorruptError(`${what} ends after ${length} of the ${expectedBytes} bytes recorded`);
    }
  };
}
