/** Tables on stdout, in the two forms of WAL-G. */

/** A table with spaces between the columns, each as wide as its widest cell; the last one is not padded. */
export function alignedTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = widthsOf([header, ...rows]);
  const last = header.length - 1;
  return [header, ...rows]
    .map((row) => row.map((cell, column) => (column === last ? cell : pad(cell, widths[column]))).join(' '))
    .map((line) => `${line}\n`)
    .join('');
}

/** A table in a box of `+`, `-` and `|`, its rows numbered from 0. */
export function boxTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const numbered = rows.map((row, index) => [String(index), ...row]);
  const all = [['#', ...header], ...numbered];
  const widths = widthsOf(all);
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const [top = '', ...body] = all.map(
    (row) => `| ${row.map((cell, column) => pad(cell, widths[column])).join(' | ')} |\n`,
  );
  return rule + top + rule + body.join('') + rule;
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  const columns = rows[0]?.map((_cell, column) => rows.map((row) => row[column] ?? '')) ?? [];
  return columns.map((cells) => cells.reduce((widest, cell) => Math.max(widest, characters(cell)), 0));
}

function pad(cell: string, width = 0): string {
  return cell + ' '.repeat(width - characters(cell));
}

function characters(text: string): number {
  return Array.from(text).length;
}
