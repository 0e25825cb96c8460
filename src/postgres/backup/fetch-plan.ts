/** Decides which objects of a backup are unpacked, and in which order; finds what is missing before a byte is written. */
import { CorruptError } from '../../errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { memberPath, type MemberPath } from './member-path.ts';
import { isControlPart, isLabelPart, isWalEBackupName } from './names.ts';

/** What is known of the contents of a backup. Names are those of its list, as they are written there. */
export interface BackupContents {
  readonly name: string;
  /** Everything in `tar_partitions/`. */
  readonly objects: readonly ObjectInfo[];
  /** Names of all files, as its files metadata has them; undefined when it has none. */
  readonly files: readonly string[] | undefined;
  /** Files whose tar member is an increment. */
  readonly increments: ReadonlySet<string>;
  /** Files without a tar member here, unchanged since the parent. */
  readonly skipped: ReadonlySet<string>;
  /** Tar objects that are not there though they are listed with something that is needed, and that. */
  readonly lostParts: ReadonlyMap<string, string>;
  /** The names of all tar objects but that of `pg_control`; empty when nobody recorded them. */
  readonly listedParts: ReadonlySet<string>;
  /** Those of them that hold something that is needed; undefined: not known. */
  readonly neededParts: ReadonlySet<string> | undefined;
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
  /** Unpacked after all others; undefined only in older backups of a chain, and those of WAL-E, which has it in a part. */
  readonly control: ObjectInfo | undefined;
  /** Undefined where the label is a member of a part: remote backups, and older releases. */
  readonly label: ObjectInfo | undefined;
  /** Stored sizes of all of it. */
  readonly totalBytes: number;
  /** Every file that must arrive; undefined when nobody recorded them. */
  readonly wanted: readonly MemberPath[] | undefined;
}

/** Which of the parts are fetched. */
export interface FetchScope {
  /** The newest backup of its chain, whose control file and label count. */
  readonly isNewest: boolean;
  /** Leave out parts that are not needed, where that is known. */
  readonly onlyNeeded: boolean;
}

/** @throws CorruptError when a part is missing, or a recorded name leads out of the data directory */
export function planFetch(contents: BackupContents, { isNewest, onlyNeeded }: FetchScope): FetchPlan {
  const { name, objects, files, listedParts, lostParts, neededParts } = contents;
  const baseName = ({ key }: ObjectInfo) => baseNameOf(key);
  const control = objects.find((object) => isControlPart(baseName(object)));
  const label = objects.find((object) => isLabelPart(baseName(object)));
  const ordinary = objects
    .filter((object) => object !== control && object !== label)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const isListed = (object: ObjectInfo) => listedParts.has(baseName(object));
  const areListed = ordinary.some(isListed);
  const whole = areListed ? ordinary.filter(isListed) : ordinary;
  if (isNewest && whole.length === 0) throw damaged(name, 'has no tar parts');
  if (isNewest && control === undefined && !isWalEBackupName(name)) throw damaged(name, 'lacks pg_control.tar');
  for (const [tar, member] of lostParts) {
    if (!isLabelPart(tar)) throw damaged(name, `lacks "${tar}", which holds "${member}"`);
    if (isNewest) throw damaged(name, `lacks "${tar}"`);
  }
  const parts =
    areListed && onlyNeeded && neededParts !== undefined
      ? whole.filter((object) => neededParts.has(baseName(object)))
      : whole;
  return {
    parts,
    strays: areListed ? ordinary.filter((object) => !isListed(object)) : [],
    control: isNewest ? control : undefined,
    label: isNewest ? label : undefined,
    totalBytes: [...parts, ...(isNewest ? [control, label] : [])]
      .filter((object) => object !== undefined)
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    wanted: files?.map(memberPath),
  };
}

function damaged(name: string, what: string): CorruptError {
  return new CorruptError(`backup "${name}" ${what}`, {
    hint: 'The backup is damaged and cannot be restored; choose another one with backup-list.',
  });
}
