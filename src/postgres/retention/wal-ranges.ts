/** WAL that goes, told in ranges. Pure. */
import type { LogRange } from '../../catalog/retention/deletion-plan.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { Inventory, WalObject } from '../inventory/inventory.ts';

/** The segments that go from a storage, by timeline, in ranges of which none stays in between; gaps do not part them. */
export function walRangesOf({ storageName, wal }: Inventory, going: readonly ObjectInfo[]): readonly LogRange[] {
  const goes = new Set(going);
  const segments = wal.filter(({ kind, segment }) => kind === 'segment' && segment !== undefined);
  const ranges: LogRange[] = [];
  for (const [timeline = 0, ofTimeline] of Map.groupBy(segments, ({ segment }) => segment?.timeline)) {
    let open: WalObject[] = [];
    const close = (): void => {
      const [first] = open;
      const last = open.at(-1);
      if (first !== undefined && last !== undefined) {
        const sizeBytes = open.reduce((sum, { object }) => sum + object.sizeBytes, 0);
        const names = new Set(open.map(({ name }) => name));
        ranges.push({
          storageName,
          sequence: timeline,
          first: first.name,
          last: last.name,
          files: names.size,
          sizeBytes,
        });
      }
      open = [];
    };
    for (const object of ofTimeline.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) {
      if (goes.has(object.object)) open.push(object);
      else close();
    }
    close();
  }
  return ranges;
}
