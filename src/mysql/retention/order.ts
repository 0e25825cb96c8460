/** The backups of all storages in one order, and what builds on what. */
import { backupFolder } from '../../catalog/layout.ts';
import { inOrderOfCompletion, inOrderOfStart } from '../../catalog/order.ts';
import { chainsOf as chainsAmong, type Chains, type RetainedBackup } from '../../catalog/retention/retained-backup.ts';
import { lastModified } from '../../catalog/retention/unfinished.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { earliestStart, timeInName } from '../inventory/backup-time.ts';
import type { ArchivedStream, MysqlInventory } from '../inventory/inventory.ts';

/** A backup in one of the storages. */
export interface PlacedStream extends ArchivedStream, RetainedBackup {
  readonly storageName: string | undefined;
}

/**
 * The backups of all storages, oldest first, by the time of their completion: numbers of binlogs start over when a server
 * is set up anew, so that they tell nothing of age.
 *
 * @param byStart sort by the recorded start instead, as `--use-sentinel-time` wants it
 */
export function inOrderOfAge(
  inventories: readonly MysqlInventory[],
  now: TimeNs,
  { byStart = false }: { readonly byStart?: boolean } = {},
): readonly PlacedStream[] {
  const all = inventories.flatMap(({ storageName, backups }) => backups.map((one) => placed(one, storageName)));
  return byStart ? inOrderOfStart(all, now) : inOrderOfCompletion(all, now);
}

function placed(backup: ArchivedStream, storageName: string | undefined): PlacedStream {
  const { sentinel, starts } = backup;
  return {
    ...backup,
    storageName,
    // A server has no name of its own in MariaDB, and another one after a failover in MySQL.
    cluster: starts[0]?.base,
    parent: sentinel?.kind === 'increment' ? sentinel.parent : undefined,
    isDelta: sentinel?.kind === 'increment',
    userData: sentinel?.userData,
    isReadable: sentinel !== undefined,
    stored: storedAt(backup),
  };
}

/** Marks are written into sentinels, which makes those newer than what they are about. */
function storedAt({ name, entry, objects }: ArchivedStream): TimeNs {
  const payload = objects.filter(({ key }) => key.startsWith(`${backupFolder(name)}/`));
  const last = lastModified(payload) ?? entry.modified;
  return last < entry.modified ? last : entry.modified;
}

/**
 * Chains among these backups. Names tell nothing of what a backup builds on: one that cannot be read may be an increment of
 * the newest before it, and so may one that WAL-G is pushing, which makes increments for servers with a UUID only.
 * Pushes of our own hold a lease.
 *
 * @param backups oldest first
 */
export function chainsOf(backups: readonly PlacedStream[]): Chains<PlacedStream> {
  const parents = new Map(backups.map(({ name, parent }) => [name, parent]));
  const newestBefore = (name: string, began: TimeNs | undefined, isUsual: (one: PlacedStream) => boolean) =>
    backups.findLast(
      (one) =>
        one.name !== name &&
        one.sentinel?.tool === 'xtrabackup' &&
        one.sentinel.toLsn !== undefined &&
        (began === undefined || (one.started ?? one.entry.modified) < began) &&
        isUsual(one) &&
        !buildsOn(one.name, name, parents),
    )?.name;
  for (const backup of backups) {
    const { name, isReadable } = backup;
    if (!isReadable)
      parents.set(
        name,
        newestBefore(name, earliestStart(backup), () => true),
      );
  }
  return chainsAmong(backups, (name) => {
    const isComplete = parents.has(name);
    const base = isComplete
      ? parents.get(name)
      : newestBefore(name, timeInName(name), ({ sentinel }) => sentinel?.serverUuid !== undefined);
    return base === undefined ? [] : backups.filter((one) => one.name === base);
  });
}

function buildsOn(name: string, base: string, parents: ReadonlyMap<string, string | undefined>): boolean {
  const seen = new Set<string>();
  for (let one = parents.get(name); one !== undefined && !seen.has(one); one = parents.get(one)) {
    if (one === base) return true;
    seen.add(one);
  }
  return false;
}
