/** Has the storage copy parts of an earlier backup into a new one. */
import { readTar } from '../../archive/reader.ts';
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { readDecoded, type Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Key } from '../../storage/storage.ts';
import type { PlannedPart } from '../backup/plan-parts.ts';
import type { PushedPart } from '../backup/push-part.ts';
import type { UnchangedPart } from './unchanged-parts.ts';

const copiesAtOnce = 8;

/** A part that was copied, told of like one that was written. */
export type CopiedPart = readonly [PlannedPart, PushedPart];

/**
 * Copies parts into a backup, as `copy_0.tar…`, `copy_1.tar…`. One that the current settings cannot decode (another key,
 * another program's format) is left alone, and so is one that is gone by now: its entries are to be packed anew.
 *
 * @returns those that were copied
 * @throws the storage's errors
 */
export async function copyParts(
  transport: Transport,
  backup: string,
  unchanged: readonly UnchangedPart[],
  { logger, signal }: Abortable & { readonly logger: Logger },
): Promise<readonly CopiedPart[]> {
  let number = 0;
  const copied = await mapConcurrently(unchanged, copiesAtOnce, async ({ part, entries }) => {
    signal?.throwIfAborted();
    try {
      await checkReadable(transport, part, { signal });
      const name = `copy_${number++}.tar`;
      const key = `${tarPartitionsFolder(backup)}/${name}${suffixOf(part.key)}`;
      await transport.storage.copy(part.key, key, { signal });
      logger.debug('part copied', { from: part.key, key, storedBytes: part.sizeBytes });
      return copiedPart({ part, entries }, { name, key });
    } catch (error) {
      if (!isOfNoUse(error)) throw error;
      logger.warn('a part cannot be copied, its files are packed anew', { part: part.key, reason: error.message });
      return undefined;
    }
  });
  return copied.filter((part) => part !== undefined);
}

function copiedPart(
  { part, entries }: UnchangedPart,
  { name, key }: { readonly name: string; readonly key: Key },
): CopiedPart {
  const fileBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const nothing = { vanished: [], incremented: [], corrupt: [], hashes: new BigUint64Array() };
  return [
    { name, entries, fileBytes },
    { key, memberBytes: fileBytes, storedBytes: part.sizeBytes, ...nothing },
  ];
}

/** `part_001.tar.lz4` → `.lz4` */
function suffixOf(key: Key): string {
  return baseNameOf(key).replace(/^.*?\.tar/, '');
}

/**
 * Decodes the start of a part, up to the header of its first member.
 *
 * @throws CorruptError when that is not what the backup says, or cannot be decoded
 */
async function checkReadable(
  transport: Transport,
  { key, members }: UnchangedPart['part'],
  options: Abortable,
): Promise<void> {
  const enough = new Error('a header was read');
  let first: string | undefined;
  try {
    await readTar(await readDecoded(transport, key, options), (header) => {
      first = header.name;
      throw enough;
    });
  } catch (error) {
    if (error !== enough) throw error;
  }
  if (first === undefined || !members.includes(first)) {
    throw new ArchiverError('corrupt', `"${key}" begins with "${first ?? ''}", which its backup does not list there`);
  }
}

function isOfNoUse(error: unknown): error is Error {
  if (error instanceof ObjectNotFoundError) return true;
  return error instanceof ArchiverError && ['corrupt', 'config'].includes(error.kind);
}
