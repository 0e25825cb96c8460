/** Binlogs that go, told in ranges. Pure. */
import type { LogRange } from '../../catalog/retention/deletion-plan.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { MysqlInventory, StoredBinlog } from '../inventory/inventory.ts';

/** The closed binlogs that go from a storage, by base name, in ranges of which none stays in between; gaps do not part them. */
export function binlogRangesOf(
  { storageName, binlogs }: MysqlInventory,
  going: readonly ObjectInfo[],
): readonly LogRange[] {
  const goes = new Set(going);
  const ranges: LogRange[] = [];
  for (const [sequence, ofBase] of Map.groupBy(binlogs, ({ binlog }) => binlog.base)) {
    let open: StoredBinlog[] = [];
    const close = (): void => {
      const first = open[0]?.binlog.name;
      const last = open.at(-1)?.binlog.name;
      if (first !== undefined && last !== undefined) {
        const sizeBytes = open.reduce((sum, { object }) => sum + object.sizeBytes, 0);
        const files = new Set(open.map(({ binlog }) => binlog.number)).size;
        ranges.push({ storageName, sequence, first, last, files, sizeBytes });
      }
      open = [];
    };
    for (const stored of ofBase.toSorted((a, b) => a.binlog.number - b.binlog.number)) {
      if (goes.has(stored.object)) open.push(stored);
      else close();
    }
    close();
  }
  return ranges;
}
