/** The control file inside a backup: read and verified before anything is restored, written when everything else is. */
import { CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, Key } from '../../storage/storage.ts';
import { parseControlFile, UnknownControlVersionError, type ControlFile } from '../control-file.ts';
import { controlFilePath } from '../pgdata.ts';
import { readSmallTar, type SmallFile } from './small-tar.ts';

/** A control file as it is stored, and what it says. */
export interface StoredControl {
  readonly file: SmallFile;
  /** Undefined for servers before PostgreSQL 13, whose form is not known. */
  readonly contents: ControlFile | undefined;
}

/**
 * Reads `pg_control.tar` of a backup.
 *
 * @param options.systemIdentifier which cluster it must be of; undefined when not recorded
 * @throws CorruptError when it is damaged or of another cluster
 */
export async function readStoredControl(
  transport: Transport,
  key: Key,
  options: Abortable & { readonly systemIdentifier: bigint | undefined; readonly logger: Logger },
): Promise<StoredControl> {
  const file = (await readSmallTar(transport, key, options)).get(controlFilePath);
  if (file === undefined) throw new CorruptError(`"${key}" does not hold "${controlFilePath}"`);
  try {
    const contents = parseControlFile(file.bytes);
    const { systemIdentifier } = options;
    if (systemIdentifier !== undefined && contents.systemIdentifier !== systemIdentifier) {
      throw new CorruptError(
        `"${key}" is of cluster ${contents.systemIdentifier}, the backup is of cluster ${systemIdentifier}`,
      );
    }
    return { file, contents };
  } catch (error) {
    if (!(error instanceof UnknownControlVersionError)) throw error;
    options.logger.warn('pg_control of this version cannot be verified', { version: error.controlVersion });
    return { file, contents: undefined };
  }
}
