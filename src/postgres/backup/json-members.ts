/** What the stored JSON objects of a backup have in common. */
import { stringifyJson, type JsonValue } from '../../catalog/json.ts';

/** Value of `DateFmt` and `date_fmt`; it says nothing about the times beside it. */
export const dateFormatText = '%Y-%m-%dT%H:%M:%S.%fZ';

/** A name and its value; undefined leaves it out. Keys within the value are sorted, `top`: only its outermost ones. */
export type Member = readonly [name: string, value: JsonValue | undefined, sort?: 'all' | 'top'];

/** Writes one object with its members in the order given, compact and HTML-safe, as WAL-G does. */
export function formatMembers(members: readonly Member[]): string {
  const texts = members.flatMap(([name, value, sortKeys = 'all']) =>
    value === undefined ? [] : [`${JSON.stringify(name)}:${stringifyJson(value, { htmlSafe: true, sortKeys })}`],
  );
  return `{${texts.join(',')}}`;
}
