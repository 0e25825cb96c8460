/**
 * Where the tablespaces of a backup go. In the original place they go where they were; anywhere else they stay inside the
 * new data directory unless a restore specification says otherwise, and nothing of the original is touched.
 */
import { dirname, isAbsolute, resolve } from 'node:path';
import { parseJson } from '../../catalog/json.ts';
import { ArchiverError, CorruptError, type ArchiverErrorOptions } from '../../errors.ts';
import { parseTablespaceSpec, type Tablespace, type TablespaceSpec } from './tablespace-spec.ts';

/** What becomes of the tablespaces. */
export interface TablespacePlan {
  /** Absolute directory of each, by the name of its link in `pg_tblspc`. */
  readonly directories: Readonly<Record<string, string>>;
  /** They are all where they were, so that the recorded `tablespace_map` is right; else it must be left out. */
  readonly asRecorded: boolean;
}

/** Folder in the data directory for tablespaces that stay inside. `pg_tblspc` itself must hold links only. */
const insideFolder = 'tablespaces';

/** Reads the file given to `--restore-spec`. @throws ArchiverError (kind `usage`) for what is no such file */
export function parseRestoreSpec(text: string, path: string): TablespaceSpec {
  try {
    return parseTablespaceSpec(parseJson(text, 'restore specification'), 'restore specification');
  } catch (cause) {
    throw new ArchiverError('usage', `malformed restore specification ${JSON.stringify(path)}`, {
      cause,
      hint: 'It is JSON such as {"base_prefix":"/new/data","tablespaces":["16384"],"16384":{"loc":"/new/ts","link":"pg_tblspc/16384"}}.',
    });
  }
}

/**
 * Plans the tablespaces.
 *
 * @param given.destination absolute, symbolic links resolved
 * @param given.alias the same as the user wrote it, absolute
 * @param given.recorded of the backup; undefined when it has none
 * @param given.spec of the user
 * @throws ArchiverError (kind `usage`) when the specification is for another place or leaves a tablespace out, and
 *   CorruptError when what is recorded is no tablespace
 */
export function planTablespaces(given: {
  readonly destination: string;
  readonly alias?: string | undefined;
  readonly recorded: TablespaceSpec | undefined;
  readonly spec: TablespaceSpec | undefined;
}): TablespacePlan {
  const { destination, alias, recorded, spec } = given;
  const known = recorded?.tablespaces ?? [];
  for (const one of known) checkLink(one, (message) => new CorruptError(message));
  const isDestination = (path: string): boolean => [destination, alias].includes(resolve(path));
  if (spec !== undefined) {
    if (!isDestination(spec.basePrefix)) {
      throw usage(`the restore specification is for "${spec.basePrefix}", not for "${destination}"`, {
        hint: 'Its base_prefix must be the destination.',
      });
    }
    return { directories: directoriesOf(destination, known, spec), asRecorded: false };
  }
  if (known.length === 0) return { directories: {}, asRecorded: true };
  if (recorded !== undefined && isDestination(recorded.basePrefix)) {
    const original = Object.fromEntries(known.map(({ name, location }) => [name, resolve(location)]));
    return { directories: original, asRecorded: true };
  }
  const inside = known.map(({ name }) => [name, `${destination}/${insideFolder}/${name}`]);
  return { directories: Object.fromEntries(inside) as Record<string, string>, asRecorded: false };
}

function directoriesOf(
  destination: string,
  known: readonly Tablespace[],
  spec: TablespaceSpec,
): Readonly<Record<string, string>> {
  const directories = new Map<string, string>();
  for (const one of spec.tablespaces) {
    checkLink(one, usage);
    const directory = resolve(one.location);
    if (!isAbsolute(one.location)) throw usage(`tablespace "${one.name}" has a relative location: "${one.location}"`);
    if ([...directories.values()].some((other) => overlap(other, directory)) || holds(directory, destination)) {
      throw usage(`tablespace "${one.name}" cannot be in "${directory}": that place is taken`);
    }
    directories.set(one.name, directory);
  }
  const forgotten = known.filter(({ name }) => !directories.has(name)).map(({ name }) => name);
  if (forgotten.length > 0) {
    throw usage(`the restore specification leaves out tablespaces of the backup: ${forgotten.join(', ')}`);
  }
  return Object.fromEntries(directories);
}

function checkLink({ name, link }: Tablespace, error: (message: string) => Error): void {
  if (!/^[^/\0]+$/.test(name) || name === '.' || name === '..' || link !== `pg_tblspc/${name}`) {
    throw error(`no tablespace: "${name}" with link "${link}"`);
  }
}

function overlap(a: string, b: string): boolean {
  return holds(a, b) || holds(b, a);
}

/** Whether `inner` is `outer` or lies in it. */
function holds(outer: string, inner: string): boolean {
  for (let path = inner; ; path = dirname(path)) {
    if (path === outer) return true;
    if (path === dirname(path)) return false;
  }
}

function usage(message: string, options: ArchiverErrorOptions = {}): ArchiverError {
  return new ArchiverError('usage', message, options);
}
