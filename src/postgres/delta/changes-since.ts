/** Asks the WAL which pages changed since the base, where that is possible; else all pages are looked at. */
import { changedBlocks, type ChangedBlocksSources } from '../changed-blocks/changed-blocks.ts';
import type { DeltaBase } from './base.ts';
import type { ChangesOf } from './decide-files.ts';
import type { BegunBackup } from './prove-base.ts';

/** Whether the WAL may be asked. */
export type ChangesWish = Pick<ChangedBlocksSources, 'useSummaries' | 'useWalDelta' | 'forceWalDelta'>;

/**
 * What the WAL tells; undefined: nothing, and why is logged.
 *
 * @throws as `changedBlocks`
 */
export async function changesSince(
  { startLsn: from }: Pick<DeltaBase, 'startLsn'>,
  { startLsn: to, timeline }: BegunBackup,
  sources: ChangedBlocksSources,
): Promise<ChangesOf | undefined> {
  const { logger, server } = sources;
  const found = await changedBlocks({ from, to, timeline, segmentBytes: server.segmentBytes }, sources);
  if ('reason' in found) {
    logger.info('looking for changes in the files', { reason: found.reason });
    return undefined;
  }
  logger.info('looking for changes in the WAL', { source: found.source });
  return (file) => found.of(file);
}
