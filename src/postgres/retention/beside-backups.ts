/** What is named like backups: catchups. Pure. */
import { backupOfSentinel, catchupsFolder } from '../../catalog/layout.ts';
import type { GoingBackup } from '../../catalog/retention/removal-steps.ts';
import { lastModified } from '../../catalog/retention/unfinished.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { walFileNameOf } from '../backup/names.ts';
import { parseSegmentName } from '../wal-segment.ts';

/** A catchup: what brings a standby up to date. */
export interface StoredCatchup {
  readonly name: string;
  /** Undefined: it was cut off, or is being pushed. */
  readonly sentinel: ObjectInfo | undefined;
  /** The rest of it. */
  readonly objects: readonly ObjectInfo[];
  /** Of the segment in its name. */
  readonly startNumber: bigint | undefined;
  readonly modified: TimeNs;
}

/** The catchups among other objects. */
export function catchupsOf(others: readonly ObjectInfo[], segmentBytes: number): readonly StoredCatchup[] {
  const below = others.filter(({ key }) => key.startsWith(`${catchupsFolder}/`));
  const byName = Map.groupBy(below, ({ key }) => nameOf(key));
  return [...byName].map(([name, all]): StoredCatchup => {
    const sentinel = all.find(({ key }) => isSentinel(key));
    return {
      name,
      sentinel,
      objects: all.filter((object) => object !== sentinel),
      startNumber: parseSegmentName(walFileNameOf(name), segmentBytes)?.number,
      modified: lastModified(all) ?? 0n,
    };
  });
}

function isSentinel(key: string): boolean {
  return key.split('/').length === 2 && backupOfSentinel(key) !== undefined;
}

function nameOf(key: string): string {
  return (isSentinel(key) ? backupOfSentinel(key) : key.split('/')[1]) ?? key;
}

/** A catchup as something that goes, its sentinel first; undefined when it has none. */
export function goingCatchup({ name, sentinel, objects }: StoredCatchup): GoingBackup | undefined {
  return sentinel && { name: `${catchupsFolder}/${name}`, parent: undefined, sentinel, objects };
}
