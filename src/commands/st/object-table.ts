/** The tables of `st ls` and `st stat`: those of WAL-G, to the byte. */
import type { ListedItem } from '../../catalog/storage-tools/listing.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';

const header = ['type', 'size', 'last modified', 'name'] as const;

/** Columns with one space between them; the name is followed by a version and a note, which are mostly empty. */
export function objectTable(items: readonly ListedItem[]): string {
  const rows = items.map(({ kind, name, sizeBytes, modified, version = '', note = '' }) => [
    kind === 'object' ? 'obj' : 'dir',
    String(sizeBytes),
    timeText(modified),
    printable(name),
    version,
    note,
  ]);
  const widthOf = (column: number, own: readonly string[]): number =>
    rows.reduce((widest, row) => Math.max(widest, characters(row[column] ?? '')), characters(own[column] ?? ''));
  // The name ends the line of the header, so that it has no part in the width of its column.
  const widths = [0, 1, 2].map((column) => widthOf(column, header)).concat([3, 4].map((column) => widthOf(column, [])));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const isOpen = column === cells.length - 1;
        return isOpen ? cell : cell + ' '.repeat((widths[column] ?? 0) - characters(cell) + 1);
      })
      .join('');
  return [header, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** For programs: a list of objects, without a line end. */
export function objectJson(items: readonly (ListedItem & { readonly storage?: string })[]): string {
  return JSON.stringify(
    items.map(({ kind, name, sizeBytes, modified, version, note, storage }) => ({
      storage,
      type: kind === 'object' ? 'obj' : 'dir',
      name,
      size: sizeBytes,
      modified: modified === undefined ? null : formatTime(modified),
      version,
      note,
    })),
  );
}

/** As Go prints a time in UTC; folders have none. */
function timeText(time: TimeNs | undefined): string {
  return time === undefined
    ? '0001-01-01 00:00:00 +0000 UTC'
    : formatTime(time).replace('T', ' ').replace('Z', ' +0000 UTC');
}

/** Names are other people's: none may steer the terminal. */
function printable(name: string): string {
  return name.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

function characters(text: string): number {
  return Array.from(text).length;
}
