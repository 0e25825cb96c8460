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

/** A column of a boxed table. */
export interface BoxColumn {
  readonly title: string;
  /** Title and cells are at the right, as WAL-G has what is a number to it. */
  readonly right?: boolean;
}

/** A table in a box of `+`, `-` and `|`, its rows numbered from 0. */
export function boxTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = ['#', ...header].map((title) => ({ title }));
  return box(
    columns,
    rows.map((row, index) => [String(index), ...row]),
  );
}

/** A table in a box of `+`, `-` and `|`. */
export function box(columns: readonly BoxColumn[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = widthsOf(all);
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const [top = '', ...body] = all.map((row) => {
    const cells = row.map((cell, index) => pad(cell, widths[index], columns[index]?.right));
    return `| ${cells.join(' | ')} |\n`;
  });
  return rule + top + rule + body.join('') + rule;
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  const columns = rows[0]?.map((_cell, column) => rows.map((row) => row[column] ?? '')) ?? [];
  return columns.map((cells) => cells.reduce((widest, cell) => Math.max(widest, characters(cell)), 0));
}

function pad(cell: string, width = 0, right = false): string {
  const space = ' '.repeat(width - characters(cell));
  return right ? space + cell : cell + space;
}

function characters(text: string): number {
  return Array.from(text).length;
}
