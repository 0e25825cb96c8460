/** Which parts of an earlier full backup hold nothing but what is the same now. */
import { isLabelPart } from '../backup/names.ts';
import type { ClusterEntry } from '../cluster/walk.ts';
import type { BaseFile, BaseFiles } from '../delta/base-files.ts';
import { isAsInBase, type DecisionRules } from '../delta/decide-files.ts';
import type { StoredObject } from '../../storage/storage.ts';

/** A part of the earlier backup. */
export interface SourcePart extends StoredObject {
  /** Names of its members. */
  readonly members: readonly string[];
}

/** What is known of the earlier backup. */
export interface SourceFiles extends Pick<DecisionRules, 'startTime'> {
  readonly files: BaseFiles;
  readonly parts: readonly SourcePart[];
}

/** A part that the new backup can have as it is. */
export interface UnchangedPart {
  readonly part: SourcePart;
  /** Its members, as the walk saw them now. */
  readonly entries: readonly ClusterEntry[];
}

/**
 * Finds them: every member was recorded and is walked again, no file was written to since before that backup began, and
 * none had damaged pages, which another look should tell of again. An entry is in one part only.
 */
export function findUnchangedParts(source: SourceFiles, entries: readonly ClusterEntry[]): readonly UnchangedPart[] {
  const numbers = new Map(entries.map(({ name }, number) => [name, number]));
  const taken = new Uint8Array(entries.length);
  const unchanged: UnchangedPart[] = [];
  for (const part of source.parts) {
    if (part.members.length === 0 || isLabelPart(part.key)) continue;
    const own = new Set(part.members.map((name) => numbers.get(name)));
    const members: ClusterEntry[] = [];
    for (const number of own) {
      const entry = number === undefined || taken[number] === 1 ? undefined : entries[number];
      if (entry === undefined || !isMemberUnchanged(entry, source)) break;
      members.push(entry);
    }
    if (members.length < own.size) continue;
    for (const number of own) if (number !== undefined) taken[number] = 1;
    unchanged.push({ part, entries: members });
  }
  return unchanged;
}

/** Whether an entry is as that backup saw it. */
export function isMemberUnchanged(entry: ClusterEntry, source: Omit<SourceFiles, 'parts'>): boolean {
  const before = source.files.of(entry.name);
  if (before === undefined || before.isDamaged) return false;
  return entry.type === 'directory' ? isNoFile(before) : isAsInBase(entry, before, source);
}

/** Nothing of a directory is in its member but that it is there: its times do not matter. */
function isNoFile({ sizeBytes }: BaseFile): boolean {
  return (sizeBytes ?? 0) === 0;
}
