/** What the backups of a chain tell about the files that a restore of it has in the end. */
import { CorruptError, messageOf } from '../../errors.ts';
import { openObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { memberPath, type MemberPath } from '../backup/member-path.ts';
import type { ChainPlan, ChainStep } from '../restore/chain-plan.ts';
import type { NameSet } from '../restore/name-set.ts';
import { checksumsKey, readChecksums, type StoredSum } from './checksums.ts';

/** Arrays go by the numbers of the names of the chain. */
export interface StoredSums {
  /** Sizes of the files that are whole in some backup, with nothing newer on top; −1: not known. */
  readonly sizes: Float64Array;
  readonly modes: Uint16Array;
  readonly hashes: BigUint64Array;
  /** Modes of all directories of the newest backup; empty: not known. */
  readonly directories: ReadonlyMap<MemberPath, number>;
}

/** What reading them needs. */
export interface StoredSumsServices {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Reads them. A list that is missing or damaged is told, and what it would say is not known. */
export async function readStoredSums(
  services: StoredSumsServices,
  { steps }: Pick<ChainPlan, 'steps'>,
  names: NameSet,
): Promise<StoredSums> {
  const sizes = new Float64Array(names.size).fill(-1);
  const modes = new Uint16Array(names.size);
  const hashes = new BigUint64Array(names.size);
  const directories = new Map<MemberPath, number>();
  const sources = sourcesOf(steps, names.size);
  for (const [index, step] of steps.entries()) {
    if (!sources.includes(index)) continue;
    const found: [number, StoredSum & { type: 'file' }][] = [];
    const folders: [MemberPath, number][] = [];
    const isRead = await readList(services, step, (name, sum) => {
      const path = memberPath(name);
      if (sum.type === 'directory') {
        if (index === 0) folders.push([path, sum.mode]);
        return;
      }
      const number = names.numberOf(path);
      if (number !== undefined && sources[number] === index) found.push([number, sum]);
    });
    // Nothing is believed of a list that turns out to be damaged.
    if (!isRead) continue;
    for (const [path, mode] of folders) directories.set(path, mode);
    for (const [number, { sizeBytes, mode, hash }] of found) {
      sizes[number] = sizeBytes;
      modes[number] = mode;
      hashes[number] = hash;
    }
  }
  return { sizes, modes, hashes, directories };
}

const nowhere = -1;

/** By file: the backup that has all of it; {@link nowhere} when there are increments on top. */
function sourcesOf(steps: readonly ChainStep[], files: number): Int32Array {
  const sources = new Int32Array(files).fill(nowhere);
  const isSettled = new Uint8Array(files);
  for (const [index, { files: taken }] of steps.entries()) {
    for (let file = 0; file < files; file += 1) {
      const action = isSettled[file] === 1 ? undefined : taken?.actionOf(file);
      if (action === undefined) continue;
      isSettled[file] = 1;
      if (action === 'whole') sources[file] = index;
    }
  }
  return sources;
}

async function readList(
  { transport, logger, signal }: StoredSumsServices,
  { backup, sentinel }: ChainStep,
  visit: (name: string, sum: StoredSum) => void,
): Promise<boolean> {
  try {
    const opened = await openObject(transport, checksumsKey(backup), { signal });
    if (opened === undefined) {
      logger.info('the backup has no checksums of its files: all of them are fetched, what differs is written', {
        backup,
      });
      return false;
    }
    await readChecksums(opened.bytes, sentinel, visit);
    return true;
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    logger.warn('the checksums of the backup cannot be used: all of its files are fetched, what differs is written', {
      backup,
      error: messageOf(error),
    });
    return false;
  }
}
