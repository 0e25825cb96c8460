/** Reads the small tars of a backup, those of the control file and the label, into memory. */
import { readTar } from '../../archive/reader.ts';
import { CorruptError } from '../../errors.ts';
import { readDecoded, type Transport } from '../../pipeline/transport.ts';
import type { Abortable, Key } from '../../storage/storage.ts';
import { namingObject } from './corrupt-object.ts';
import { memberPath, type MemberPath } from './member-path.ts';

/** A file in memory. */
export interface SmallFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

const largestTar = 64 * 1024 * 1024;

/** The files of a tar. @throws CorruptError when it is damaged or far too big, and what the storage fails with */
export async function readSmallTar(
  transport: Transport,
  key: Key,
  options: Abortable = {},
): Promise<ReadonlyMap<MemberPath, SmallFile>> {
  const files = new Map<MemberPath, SmallFile>();
  let totalBytes = 0;
  try {
    await readTar(await readDecoded(transport, key, options), ({ name, type, mode }) => {
      if (type !== 'file') return undefined;
      const path = memberPath(name);
      const chunks: Buffer[] = [];
      return {
        write(chunk) {
          totalBytes += chunk.length;
          if (totalBytes > largestTar) throw new CorruptError('it is far too big');
          chunks.push(Buffer.from(chunk));
        },
        end() {
          files.set(path, { bytes: Buffer.concat(chunks), mode });
        },
        abort() {
          // nothing was opened
        },
      };
    });
  } catch (error) {
    throw namingObject(key, error);
  }
  return files;
}
