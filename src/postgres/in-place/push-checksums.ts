/** Stores the checksums of a backup that was just pushed. */
import { pushObject } from '../../pipeline/push-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Abortable, StoredObject } from '../../storage/storage.ts';
import type { PlannedPart } from '../backup/plan-parts.ts';
import type { PushedPart } from '../backup/push-part.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { checksumsKey, formatChecksums, type StoredSum } from './checksums.ts';
import { hashOfNothing } from './content-hash.ts';

/** What is pushed. */
export interface ChecksummedBackup {
  readonly name: string;
  readonly sentinel: Sentinel;
  /** Planned parts with what became of them. */
  readonly parts: readonly (readonly [PlannedPart, Pick<PushedPart, 'hashes' | 'vanished'>])[];
}

/** Pushes the list. @throws what the storage fails with */
export async function pushChecksums(
  transport: Transport,
  { name, sentinel, parts }: ChecksummedBackup,
  options: Abortable,
): Promise<StoredObject> {
  const { key, storedBytes } = await pushObject(
    transport,
    checksumsKey(name),
    () => formatChecksums(sentinel, sumsOf(parts)),
    options,
  );
  return { key, sizeBytes: storedBytes };
}

function* sumsOf(parts: ChecksummedBackup['parts']): Generator<readonly [string, StoredSum]> {
  for (const [{ entries }, { hashes, vanished }] of parts) {
    const gone = new Set(vanished);
    for (const [index, { name, type, mode, sizeBytes }] of entries.entries()) {
      if (type === 'directory') yield [name, { type, mode }];
      const hash = sizeBytes === 0 ? hashOfNothing : (hashes[index] ?? 0n);
      if (type === 'file' && hash !== 0n && !gone.has(name)) yield [name, { type, mode, sizeBytes, hash }];
    }
  }
}
