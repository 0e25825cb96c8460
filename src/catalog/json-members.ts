/** What the stored JSON objects of a backup have in common. */
import { stringifyJson, type JsonValue } from './json.ts';

/** Value of `DateFmt` and `date_fmt`; it says nothing about the times beside it. */
export const dateFormatText = '%Y-%m-%dT%H:%M:%S.%fZ';

/** A name and its value; undefined leaves it out. Keys within the value are sorted, `top`: only its outermost ones. */
export type Member = readonly [name: string, value: JsonValue | undefined, sort?: 'all' | 'top'];

/** For people: spaces for each level, and how many levels the object itself is within others. */
export interface MemberLayout {
  readonly indent: number;
  readonly level: number;
}

/**
 * Writes one object with its members in the order given, HTML-safe, as WAL-G does.
 *
 * @param layout default: compact
 */
export function formatMembers(members: readonly Member[], layout?: MemberLayout): string {
  const outer = layout === undefined ? '' : `\n${' '.repeat(layout.indent * layout.level)}`;
  const inner = layout === undefined ? '' : `\n${' '.repeat(layout.indent * (layout.level + 1))}`;
  const style = layout === undefined ? { htmlSafe: true } : { htmlSafe: true, indent: layout.indent };
  const texts = members.flatMap(([name, value, sortKeys = 'all']) => {
    if (value === undefined) return [];
    // Strings have no line ends of their own once they are JSON, so that these are all of the layout.
    const text = stringifyJson(value, { ...style, sortKeys }).replaceAll('\n', inner);
    return [`${JSON.stringify(name)}:${layout === undefined ? '' : ' '}${text}`];
  });
  return `{${inner}${texts.join(`,${inner}`)}${outer}}`;
}

/** Writes a list of such objects, without a line end. @param indent spaces of each level; default: compact */
export function formatMemberList(objects: readonly (readonly Member[])[], indent?: number): string {
  if (objects.length === 0) return '[]';
  const layout: MemberLayout | undefined = indent === undefined ? undefined : { indent, level: 1 };
  const texts = objects.map((members) => formatMembers(members, layout));
  if (layout === undefined) return `[${texts.join(',')}]`;
  const lead = `\n${' '.repeat(layout.indent)}`;
  return `[${lead}${texts.join(`,${lead}`)}\n]`;
}
