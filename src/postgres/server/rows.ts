/** Values of the server's answers. Nothing here is expected to fail: the queries are ours. */
import type { Row } from './session.ts';

/** A column that is never null. @throws Error (a bug) when it is */
export function textOf(row: Row | undefined, column: string): string {
  const text = row?.[column];
  if (text === null || text === undefined) throw new Error(`the server sent no "${column}"`);
  return text;
}

/** A column that may be null: then undefined. */
export function optionalText(row: Row | undefined, column: string): string | undefined {
  return row?.[column] ?? undefined;
}

/** A number that a double can hold. */
export function numberOf(row: Row | undefined, column: string): number {
  return Number(textOf(row, column));
}

/** A point in time, selected as `extract(epoch from …)`. */
export function optionalDate(row: Row | undefined, column: string): Date | undefined {
  const seconds = optionalText(row, column);
  return seconds === undefined ? undefined : new Date(Number(seconds) * 1_000);
}
