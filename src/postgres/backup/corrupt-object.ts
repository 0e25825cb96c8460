/** Codecs and tar do not know which object they are reading; whoever gave it to them says so. */
import { CorruptError } from '../../errors.ts';
import type { Key } from '../../storage/storage.ts';

/** A CorruptError that names the object; any other error as it is. */
export function namingObject(key: Key, error: unknown): unknown {
  if (!(error instanceof CorruptError)) return error;
  return new CorruptError(`${JSON.stringify(key)}: ${error.message}`, { cause: error, hint: error.hint });
}
