/** Which tablespaces a backup has and where they were: `Spec` of the sentinel, and the file given to `--restore-spec`. */
import { JsonFields } from '../../catalog/json-fields.ts';
import type { JsonObject, JsonValue } from '../../catalog/json.ts';

/** One tablespace. */
export interface Tablespace {
  /** Name of its link in `pg_tblspc`: the OID. */
  readonly name: string;
  /** Where the link leads. */
  readonly location: string;
  /** The link, relative to the data directory: `pg_tblspc/16384`. */
  readonly link: string;
}

/** All tablespaces of a backup. */
export interface TablespaceSpec {
  /** The data directory that the links are in, without a trailing slash. */
  readonly basePrefix: string;
  readonly tablespaces: readonly Tablespace[];
}

/**
 * Reads a specification.
 *
 * @param what what it is, for errors
 * @throws CorruptError also when a listed tablespace is not described
 */
export function parseTablespaceSpec(value: JsonValue, what: string): TablespaceSpec {
  const fields = new JsonFields(value, what);
  const basePrefix = fields.required('base_prefix', fields.text('base_prefix'));
  const tablespaces = (fields.texts('tablespaces') ?? []).map((name) => {
    const one = fields.required(name, fields.object(name));
    const location = one.required('loc', one.text('loc'));
    const link = one.required('link', one.text('link'));
    return { name, location: withoutTrailingSlash(location), link };
  });
  return { basePrefix: withoutTrailingSlash(basePrefix), tablespaces };
}

/** The JSON form; its keys are to be written in byte order. */
export function tablespaceSpecToJson(spec: TablespaceSpec): JsonObject {
  return Object.fromEntries<JsonValue>([
    ['base_prefix', withoutTrailingSlash(spec.basePrefix)],
    ['tablespaces', spec.tablespaces.map(({ name }) => name)],
    ...spec.tablespaces.map(({ name, location, link }): [string, JsonValue] => [
      name,
      { loc: withoutTrailingSlash(location), link },
    ]),
  ]);
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
