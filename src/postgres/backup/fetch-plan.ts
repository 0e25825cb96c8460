/** Decides which objects of a backup are unpacked, and in which order; finds what is missing before a byte is written. */
import { CorruptError } from '../../errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { memberPath, type MemberPath } from './member-path.ts';
import { isControlPart, isLabelPart, isWalEBackupName } from './names.ts';

/** What is known of the contents of a backup. */
export interface BackupContents {
  readonly name: string;
  /** Everything in `tar_partitions/`. */
  readonly objects: readonly ObjectInfo[];
  /** Names of all files, as its files metadata has them; undefined when it has none. */
  readonly files: readonly string[] | undefined;
  /** Member names by tar object name, as far as known. */
  readonly tarFileSets: ReadonlyMap<string, readonly string[]>;
  /** The names of all tar objects but that of `pg_control`; undefined or empty when nobody recorded them. */
  readonly listedParts?: ReadonlySet<string> | undefined;
}

/** What will be fetched. */
export interface FetchPlan {
  /** Unpacked side by side, biggest first so that no big one is left over at the end. */
  readonly parts: readonly ObjectInfo[];
  /**
   * Not unpacked, since the backup does not list them: of a push that failed before this one of the same name, as happens
   * on a standby. They hold other states of the same files.
   */
  readonly strays: readonly ObjectInfo[];
  /** Unpacked after all others; undefined only in backups of WAL-E, which has it in a part. */
  readonly control: ObjectInfo | undefined;
  /** Undefined where the label is a member of a part: remote backups, and older releases. */
  readonly label: ObjectInfo | undefined;
  /** Stored sizes of all of it. */
  readonly totalBytes: number;
  /** Every file that must arrive; undefined when nobody recorded them. */
  readonly wanted: readonly MemberPath[] | undefined;
}

/** @throws CorruptError when a part is missing, or a recorded name leads out of the data directory */
export function planFetch(contents: BackupContents): FetchPlan {
  const { name, objects, files, tarFileSets, listedParts } = contents;
  const baseName = ({ key }: ObjectInfo) => baseNameOf(key);
  const control = objects.find((object) => isControlPart(baseName(object)));
  const label = objects.find((object) => isLabelPart(baseName(object)));
  const ordinary = objects
    .filter((object) => object !== control && object !== label)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const isListed = (object: ObjectInfo) => listedParts?.has(baseName(object)) === true;
  const areListed = ordinary.some(isListed);
  const parts = areListed ? ordinary.filter(isListed) : ordinary;
  if (parts.length === 0) throw damaged(name, 'has no tar parts');
  if (control === undefined && !isWalEBackupName(name)) throw damaged(name, 'lacks pg_control.tar');

  const wanted = files?.map(memberPath);
  const known = new Set(wanted);
  const present = new Set(objects.map(baseName));
  for (const [tar, members] of tarFileSets) {
    // A tar all of whose files vanished while they were packed was never written.
    const lost = present.has(tar) ? undefined : members.find((member) => known.has(memberPath(member)));
    if (lost !== undefined) throw damaged(name, `lacks "${tar}", which holds "${lost}"`);
    if (!present.has(tar) && isLabelPart(tar)) throw damaged(name, `lacks "${tar}"`);
  }
  return {
    parts,
    strays: areListed ? ordinary.filter((object) => !isListed(object)) : [],
    control,
    label,
    totalBytes: [...parts, control, label]
      .filter((object) => object !== undefined)
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    wanted,
  };
}

function damaged(name: string, what: string): CorruptError {
  return new CorruptError(`backup "${name}" ${what}`, {
    hint: 'The backup is damaged and cannot be restored; choose another one with backup-list.',
  });
}
