/** Verifies that what arrived is the whole backup, and that backup. */
import { existsSync, readFileSync } from 'node:fs';
import { CorruptError } from '../../errors.ts';
import { parseBackupLabel } from './backup-label.ts';
import { heldBackControlPath } from './complete-restore.ts';
import type { FetchedPart } from './fetch-part.ts';
import type { FetchRequest } from './fetch.ts';
import type { ChainPlan } from '../restore/chain-plan.ts';
import { labelMember } from './names.ts';
import { localPath, type RestoreLayout } from './restore-target.ts';
import type { Sentinel } from './sentinel.ts';
import type { SmallFile } from './small-tar.ts';

/**
 * @param got.parts what came of the newest backup
 * @throws CorruptError when files of the backup, or of one that it builds on, did not come
 */
export function checkArrived(
  { steps, names }: ChainPlan,
  got: { readonly parts: readonly FetchedPart[]; readonly small: readonly SmallFile[] },
): void {
  for (const { backup, files } of steps) {
    const missing = new Set(files?.missing());
    for (const [number, name] of missing.size === 0 ? [] : (names?.entries() ?? [])) {
      if (!missing.has(number)) continue;
      throw new CorruptError(`backup "${backup}" lacks ${missing.size} of its files, such as "${name}"`);
    }
  }
  const [{ backup, sentinel, files }] = steps;
  if (files !== undefined) return;
  // Without a list of files, what is left to compare is the sum of their sizes; remote backups count otherwise.
  const bytes =
    got.parts.reduce((sum, part) => sum + part.memberBytes, 0) +
    got.small.reduce((sum, file) => sum + file.bytes.length, 0);
  if (sentinel.dataDirectoryBytes !== undefined && bytes < sentinel.uncompressedBytes) {
    throw new CorruptError(
      `backup "${backup}" holds ${bytes} bytes of ${sentinel.uncompressedBytes}: parts are missing`,
    );
  }
}

/** @throws CorruptError when it is no label, or not of this backup */
export function checkLabel(backup: string, sentinel: Pick<Sentinel, 'startLsn'>, bytes: Uint8Array): void {
  const { startLsn } = parseBackupLabel(Buffer.from(bytes).toString());
  if (sentinel.startLsn !== undefined && sentinel.startLsn !== startLsn) {
    throw new CorruptError(`the label of backup "${backup}" is of another backup`);
  }
}

/**
 * Without a label a server would start from the wrong checkpoint, and never notice.
 *
 * @throws CorruptError when there is none, or it is of another backup
 */
export function checkRestoredLabel(
  { backup, sentinel }: Pick<FetchRequest, 'backup' | 'sentinel'>,
  layout: RestoreLayout,
): void {
  const path = localPath(layout, labelMember);
  if (!existsSync(path)) throw new CorruptError(`backup "${backup}" has no backup label`);
  checkLabel(backup, sentinel, readFileSync(path));
}

/** @throws CorruptError when no part of a backup without `pg_control.tar` has brought the control file */
export function checkRestoredControl({ backup }: Pick<FetchRequest, 'backup'>, layout: RestoreLayout): void {
  if (!existsSync(localPath(layout, heldBackControlPath)))
    throw new CorruptError(`backup "${backup}" has no pg_control`);
}
