/** The full backup whose parts a new one may copy. */
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { chooseBase, type DeltaBase } from '../delta/base.ts';
import { readBaseFiles } from '../delta/base-files.ts';
import { objectionTo, type BegunBackup, type Evidence } from '../delta/prove-base.ts';
import type { SourceFiles, SourcePart } from './unchanged-parts.ts';

/** A backup to copy from. */
export interface CopySource extends SourceFiles {
  readonly base: DeltaBase;
}

/**
 * The latest backup, or the full one at its root; it must be of the cluster that is backed up, as a base of a delta must.
 *
 * @returns undefined when there is none; why is logged
 */
export async function findCopySource(
  storage: Storage,
  begun: BegunBackup,
  evidence: Evidence,
  { logger, ...options }: Abortable & { readonly logger: Logger },
): Promise<CopySource | undefined> {
  const request = { maxSteps: Infinity, origin: 'LATEST_FULL', selector: { by: 'latest' }, isPermanent: true } as const;
  const { base, ...choice } = await chooseBase(storage, request, options);
  if (base === undefined) {
    logger.info('no parts are copied', choice);
    return undefined;
  }
  const reason = await objectionTo(base, begun, evidence, options);
  if (reason !== undefined) {
    logger.warn('no parts are copied', { reason });
    return undefined;
  }
  try {
    return await readSource(storage, base, options);
  } catch (error) {
    if (!(error instanceof ArchiverError) || !['missing', 'corrupt'].includes(error.kind)) throw error;
    logger.warn('no parts are copied', { reason: error.message });
    return undefined;
  }
}

async function readSource(storage: Storage, base: DeltaBase, options: Abortable): Promise<CopySource> {
  const members = new Map<string, readonly string[]>();
  const files = await readBaseFiles(storage, base, {
    ...options,
    onPart: (tar, names) => members.set(tar, names),
  });
  const parts: SourcePart[] = [];
  for await (const info of storage.list(tarPartitionsFolder(base.name), options)) {
    const names = info.kind === 'object' ? members.get(baseNameOf(info.key)) : undefined;
    if (info.kind !== 'object' || names === undefined) continue;
    parts.push({ key: info.key, sizeBytes: info.sizeBytes, members: names });
  }
  parts.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { base, startTime: base.startTime, files, parts };
}
