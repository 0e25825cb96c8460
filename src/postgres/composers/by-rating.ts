/** Parts by how often files are written, so that those which nothing changes stay the same from backup to backup. */
import { planGroups, type PackedEntry, type PartLimits, type PlannedPart } from '../backup/plan-parts.ts';

/** Tuples inserted, updated and deleted in the relation that a file is of. */
export interface UpdateCounts {
  of(name: string): number;
  /** The same when the base was made; 0: not known. */
  before(name: string): number;
}

/** First what is no file, then files that nobody writes to, then the others, the least written first. */
export function planByRating(
  entries: readonly PackedEntry[],
  limits: PartLimits,
  counts: UpdateCounts,
): readonly PlannedPart[] {
  const headers = entries.filter(({ type }) => type !== 'file');
  const rated = entries
    .filter(({ type }) => type === 'file')
    .map((entry) => ({ entry, rating: ratingOf(counts.of(entry.name), counts.before(entry.name)) }))
    .sort((a, b) => a.rating - b.rating);
  const firstWritten = rated.findIndex(({ rating }) => rating > 0);
  const cut = firstWritten < 0 ? rated.length : firstWritten;
  const files = rated.map(({ entry }) => entry);
  return planGroups([headers, files.slice(0, cut), files.slice(cut)], limits);
}

/** In per cent of what it was, where that is known. */
function ratingOf(count: number, before: number): number {
  return before === 0 ? count : (count * 100) / before;
}
