/** From the wish for a delta to the base that it is made of, or to a full backup and the reason for it. */
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { chooseBase, type BaseRequest, type DeltaBase } from './base.ts';
import { readBaseFiles, type BaseFiles } from './base-files.ts';
import { objectionTo, type BegunBackup, type Evidence } from './prove-base.ts';

/** A base that is readable; whether it is one for the backup that begins is still to be proven. */
export interface DeltaCandidate {
  readonly base: DeltaBase;
  readonly files: BaseFiles;
}

type Options = Abortable & { readonly logger: Logger };

/**
 * Finds a base and reads its list of files.
 *
 * @returns undefined: the backup is a full one; why is logged
 * @throws as `chooseBase`
 */
export async function findCandidate(
  storage: Storage,
  request: BaseRequest,
  { logger, ...options }: Options,
): Promise<DeltaCandidate | undefined> {
  if (request.maxSteps === 0) return undefined;
  const { base, ...choice } = await chooseBase(storage, request, options);
  if (base === undefined) {
    logger.info('making a full backup', choice);
    return undefined;
  }
  try {
    return { base, files: await readBaseFiles(storage, base, options) };
  } catch (error) {
    if (!(error instanceof ArchiverError) || !['missing', 'corrupt'].includes(error.kind)) throw error;
    logger.warn('making a full backup', {
      reason: `the files metadata of "${base.name}" cannot be used: ${error.message}`,
    });
    return undefined;
  }
}

/** Proves that the backup which has begun can build on the candidate; logs why not. */
export async function proveCandidate(
  candidate: DeltaCandidate | undefined,
  begun: BegunBackup,
  evidence: Evidence,
  { logger, ...options }: Options,
): Promise<DeltaBase | undefined> {
  if (candidate === undefined) return undefined;
  const { base } = candidate;
  const objection = await objectionTo(base, begun, evidence, options);
  if (objection === undefined) {
    logger.info('making a delta backup', { base: base.name, step: base.steps });
    return base;
  }
  logger.warn('making a full backup: a delta could not be trusted', { reason: objection });
  return undefined;
}
