/** Takes a cluster out of service and clears it for a restore in place. Throws the system's errors. */
import { chmodSync, existsSync, mkdirSync, readlinkSync, renameSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { syncFolder } from '../../platform/files.ts';
import type { Logger } from '../../platform/logger.ts';
import { makeDestination } from '../backup/destination.ts';
import { localPath, type RestoreLayout } from '../backup/restore-target.ts';
import { controlFilePath } from '../pgdata.ts';
import type { NameSet } from '../restore/name-set.ts';
import { requireStopped } from './existing-cluster.ts';
import type { LocalFiles, Surplus } from './local-files.ts';
import type { StoredSums } from './stored-sums.ts';

/**
 * From here on no server starts in the directory. One that was faster, by a service manager's hand perhaps, gets its control
 * file back.
 *
 * @throws InPlaceError (kind `busy`) when a server has started meanwhile; then nothing is changed
 */
export function takeOutOfService(dataDirectory: string): void {
  const path = join(dataDirectory, controlFilePath);
  const aside = `${path}.walvault`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  try {
    requireStopped(dataDirectory);
  } catch (error) {
    if (existsSync(aside)) renameSync(aside, path);
    throw error;
  }
  rmSync(aside, { force: true });
  syncFolder(join(dataDirectory, 'global'));
}

/** Removes what the backup does not have. What links lead to is left alone. */
export function removeSurplus(surplus: readonly Surplus[], { logger }: { readonly logger: Logger }): void {
  for (const { local, type } of surplus) {
    try {
      if (type === 'link' && !/\/pg_tblspc\/[^/]+$/.test(local)) {
        logger.warn('a symbolic link is removed; what it leads to is left alone', {
          link: local,
          target: readlinkSync(local),
        });
      }
      if (type === 'directory') rmdirSync(local);
      else unlinkSync(local);
    } catch (error) {
      const code = codeOf(error);
      // Not every backup lists directories: one of these may hold files that it lists.
      const isNeeded = type === 'directory' && (code === 'ENOTEMPTY' || code === 'EEXIST');
      if (code !== 'ENOENT' && !isNeeded) throw error;
    }
  }
}

/** Makes the directories that the backup has, and gives files that are right their modes. */
export function arrangeWhatStays(
  layout: RestoreLayout,
  stays: {
    readonly names: NameSet;
    readonly right: Uint8Array;
    readonly sums: StoredSums;
    readonly local: LocalFiles;
  },
): void {
  const { names, right, sums, local } = stays;
  for (const directory of Object.values(layout.tablespaces)) makeDestination(directory, 0o755);
  for (const path of [...sums.directories.keys()].sort()) {
    try {
      mkdirSync(localPath(layout, path), 0o700);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  for (const [number, path] of names.entries()) {
    const mode = sums.modes[number] ?? 0;
    if (right[number] === 1 && mode !== local.modes[number]) chmodSync(localPath(layout, path), mode & 0o777);
  }
}
