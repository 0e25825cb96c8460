/** Parts by database, so that a restore of one database fetches little else. */
import { planGroups, type PackedEntry, type PartLimits, type PlannedPart } from '../backup/plan-parts.ts';

/** The folder of a database, in the default tablespace or another one. */
const databaseFolder = /^\/(?:base\/\d+|pg_tblspc\/[^/]+\/[^/]+\/\d+)(?=\/)/;

/** First what is no file, then the files of no database, then one database after another, each in parts of its own. */
export function planByDatabase(entries: readonly PackedEntry[], limits: PartLimits): readonly PlannedPart[] {
  const headers: PackedEntry[] = [];
  const shared: PackedEntry[] = [];
  const databases = new Map<string, PackedEntry[]>();
  for (const entry of entries) groupOf(entry).push(entry);
  return planGroups([headers, shared, ...databases.values()], limits);

  function groupOf({ name, type }: PackedEntry): PackedEntry[] {
    if (type !== 'file') return headers;
    const [folder] = databaseFolder.exec(name) ?? [];
    if (folder === undefined) return shared;
    const known = databases.get(folder);
    if (known !== undefined) return known;
    const files: PackedEntry[] = [];
    databases.set(folder, files);
    return files;
  }
}
