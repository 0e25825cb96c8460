/** Names of PostgreSQL backups, of their tar parts and of the members with a meaning of their own. */

/** The members of `backup_label.tar`, in tar order; unlike all others they have no leading slash. */
export const labelMember = 'backup_label';
export const tablespaceMapMember = 'tablespace_map';

/** Logical names (without the suffix of a codec) of the two parts that are unpacked last. */
export const controlPart = 'pg_control.tar';
export const labelPart = 'backup_label.tar';

/** What stands for the WAL file name of a backup whose name holds none. */
const unknownWalFileName = 'Z'.repeat(24);

const walDigits = /[0-9A-F]{24}/;

/** Name of a full backup that starts in this WAL file. */
export function fullBackupName(walFileName: string): string {
  return `base_${walFileName}`;
}

/** The WAL file that a backup starts in: the first 24 digits of its name, or 24 × `Z`. */
export function walFileNameOf(backup: string): string {
  return walDigits.exec(backup)?.[0] ?? unknownWalFileName;
}

/** The timeline in a backup's name; undefined when the name holds no WAL file name. */
export function timelineOfBackup(backup: string): number | undefined {
  const digits = /^base_([0-9A-F]{8})/.exec(backup)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** Whether the name is WAL-E's, whose backups have no `pg_control.tar`: `base_…_00000040`. */
export function isWalEBackupName(name: string): boolean {
  return /^base_[0-9A-F]{24}_[0-9A-F]{8}$/.test(name);
}

/** Logical name of the n-th ordinary part, counted from 1: `part_001.tar`, … `part_1000.tar`. */
export function partName(number: number): string {
  return `part_${String(number).padStart(3, '0')}.tar`;
}

/** Whether an object of `tar_partitions/` holds pg_control. */
export function isControlPart(objectName: string): boolean {
  return /pg_control\.tar(\..+|$)/.test(objectName);
}

/** Whether an object of `tar_partitions/` holds the label and the tablespace map. */
export function isLabelPart(objectName: string): boolean {
  return /backup_label\.tar(\..+|$)/.test(objectName);
}
