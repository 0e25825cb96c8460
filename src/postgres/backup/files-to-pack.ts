/** Which of the files that the walk found are packed, and how: all of them, or what changed since something. */
import type { ClusterWalk } from '../cluster/walk.ts';
import type { BaseFiles } from '../delta/base-files.ts';
import { changesSince } from '../delta/changes-since.ts';
import { decideFiles, type DeltaFiles } from '../delta/decide-files.ts';
import { pageBytes } from '../pages/page-scan.ts';
import { isPagedFile } from '../pages/relation-file.ts';
import type { PostgresServer } from '../server/server.ts';
import type { PushOptions } from './push-options.ts';
import type { BackupSession } from './session.ts';

/** The cluster that is backed up. */
export interface PushedCluster {
  readonly server: PostgresServer;
  readonly dataDirectory: string;
  /** Of the base of a delta. */
  readonly baseFiles: BaseFiles | undefined;
}

/** Decides about all entries of the walk. @throws as `changesSince` */
export async function filesToPack(
  { entries, fileBytes }: ClusterWalk,
  session: BackupSession,
  { server, dataDirectory, baseFiles }: PushedCluster,
  options: PushOptions,
): Promise<DeltaFiles> {
  const { base, signal } = session;
  if (options.catchup !== undefined) {
    const hasKnownPages = server.blockBytes === pageBytes;
    const packed = entries.map((entry) =>
      hasKnownPages && isPagedFile(entry.name, entry.sizeBytes) ? { ...entry, change: {} } : entry,
    );
    return { packed, skipped: new Set(), fileBytes };
  }
  if (base === undefined || baseFiles === undefined) return { packed: entries, skipped: new Set(), fileBytes };
  const changesOf = await changesSince(base, session, {
    ...options,
    ...options.changes,
    server,
    dataDirectory,
    signal,
  });
  return decideFiles(entries, { files: baseFiles, startTime: base.startTime, changesOf });
}
