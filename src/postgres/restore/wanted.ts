/** One thread's view of what is taken from a backup. */
import type { TarHeader } from '../../archive/header.ts';
import type { TarSink } from '../../archive/reader.ts';
import { CorruptError } from '../../errors.ts';
import type { WantedFiles } from '../backup/fetch-part.ts';
import type { MemberPath } from '../backup/member-path.ts';
import type { RestoreTarget } from '../backup/restore-target.ts';
import { openPageMaps } from '../pages/page-maps.ts';
import { openNameSet } from './name-set.ts';
import { fillingSink, overwritingSink, remainderSink } from './page-sink.ts';
import { openStepFiles, type FileAction } from './step-files.ts';

/** The files of a restore, as unpacking one part sees them. */
export interface Wanted {
  /** Notes that a member came. @returns what to do with it; undefined: it is not needed from this backup */
  arrive(path: MemberPath): FileAction | undefined;
  /** Whether newer backups have brought pages of the file already. */
  isBegun(path: MemberPath): boolean;
  /** Where the member goes when its file gets its pages from several backups. */
  pageSink(
    target: RestoreTarget,
    path: MemberPath,
    member: { readonly action: FileAction; readonly header: TarHeader },
  ): TarSink;
}

/** Opens what the main thread planned. */
export function openWanted(shared: WantedFiles): Wanted {
  const names = openNameSet(shared.names);
  const files = openStepFiles(shared.files);
  const maps = shared.pageMaps === undefined ? undefined : openPageMaps(shared.pageMaps);

  function numberOf(path: MemberPath): number {
    const number = names.numberOf(path);
    if (number === undefined) throw new CorruptError(`"${path}" is no file of the backup`);
    return number;
  }

  return {
    arrive(path) {
      const number = names.numberOf(path);
      if (number === undefined) return undefined;
      const action = files.actionOf(number);
      if (action !== undefined) files.arrive(number);
      return action;
    },
    isBegun(path) {
      const number = names.numberOf(path);
      return number !== undefined && maps?.pagesOf(number) !== undefined;
    },
    pageSink(target, path, { action, header: { mode, sizeBytes } }) {
      if (maps === undefined) return naming(path, overwritingSink(target.openPages(path, undefined), sizeBytes));
      const number = numberOf(path);
      const isFirst = maps.pagesOf(number) === undefined;
      const file = target.openPages(path, isFirst ? mode : undefined);
      return naming(
        path,
        action === 'increment'
          ? fillingSink(file, sizeBytes, maps, number)
          : remainderSink(file, sizeBytes, maps, number),
      );
    },
  };
}

/** Pages do not know which file they are of. */
function naming(path: MemberPath, sink: TarSink): TarSink {
  const named = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      throw new CorruptError(`${JSON.stringify(path)}: ${error.message}`, { cause: error, hint: error.hint });
    }
  };
  return {
    write(piece) {
      named(() => {
        sink.write(piece);
      });
    },
    end() {
      named(() => {
        sink.end();
      });
    },
    abort() {
      sink.abort();
    },
  };
}
