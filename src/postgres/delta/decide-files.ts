/** What becomes of each file of the cluster in a delta: skipped, by pages, or whole. Rules: `postgres-storage.md` 10.1 and 10.2. */
import type { TimeNs } from '../../catalog/time.ts';
import type { FileChange, PackedEntry } from '../backup/plan-parts.ts';
import type { ClusterEntry } from '../cluster/walk.ts';
import { isPagedFile, relationFileOf, type RelationFile } from '../pages/relation-file.ts';
import type { BaseFile, BaseFiles } from './base-files.ts';

/** What became of the entries of a walk. */
export interface DeltaFiles {
  /** To be packed, in the order of the walk. */
  readonly packed: readonly PackedEntry[];
  /** Names of files that are as the base has them. */
  readonly skipped: ReadonlySet<string>;
  /** Sum of the sizes of the files in `packed`. */
  readonly fileBytes: number;
}

/** Blocks of a relation's file that changed; `none` at all; `scan`: look at them all. */
export type ChangesOf = (file: RelationFile) => 'none' | 'scan' | Uint32Array;

/** How it is decided. */
export interface DecisionRules {
  readonly files: BaseFiles;
  /** Start of the base. */
  readonly startTime: TimeNs;
  /** What the WAL tells; default: nothing. */
  readonly changesOf?: ChangesOf | undefined;
}

/**
 * A file that changed within the resolution of the file system's clock after it had been looked at has the same time: those
 * of a time that close to the base are looked at again. FAT and some network file systems count by two seconds.
 */
const clockResolutionNs = 2_000_000_000n;

const initFork = '_init';
const segmentNumber = /\.\d+$/;

/** Decides about every entry. */
export function decideFiles(entries: readonly ClusterEntry[], rules: DecisionRules): DeltaFiles {
  const packed: PackedEntry[] = [];
  const skipped = new Set<string>();
  const unlogged = unloggedRelations(entries);
  let fileBytes = 0;
  for (const entry of entries) {
    const before = entry.type === 'file' ? rules.files.of(entry.name) : undefined;
    if (before !== undefined && isAsInBase(entry, before, rules)) {
      skipped.add(entry.name);
      continue;
    }
    const change = before === undefined ? undefined : changeOf(entry, before, { ...rules, unlogged });
    packed.push(change === undefined ? entry : { ...entry, change });
    fileBytes += entry.sizeBytes;
  }
  return { packed, skipped, fileBytes };
}

/** Their pages have no LSNs, or such as are none: those of GiST indexes count on their own. */
function unloggedRelations(entries: readonly ClusterEntry[]): ReadonlySet<string> {
  return new Set(
    entries.filter(({ name }) => name.endsWith(initFork)).map(({ name }) => name.slice(0, -initFork.length)),
  );
}

/** Whether nothing has written to a file since the base saw it. */
export function isAsInBase(
  { mtimeNs, sizeBytes }: ClusterEntry,
  before: BaseFile,
  { startTime }: Pick<DecisionRules, 'startTime'>,
): boolean {
  const isSafe = before.modified < startTime - clockResolutionNs;
  return isSafe && mtimeNs === before.modified && (before.sizeBytes === undefined || before.sizeBytes === sizeBytes);
}

/** Without the size in the base, the WAL alone does not tell which pages are new. */
function changeOf(
  { name, sizeBytes }: ClusterEntry,
  { sizeBytes: baseBytes }: BaseFile,
  { changesOf, unlogged }: Pick<DecisionRules, 'changesOf'> & { readonly unlogged: ReadonlySet<string> },
): FileChange | undefined {
  if (!isPagedFile(name, sizeBytes) || unlogged.has(name.replace(segmentNumber, ''))) return undefined;
  const file = relationFileOf(name);
  if (file === undefined || baseBytes === undefined) return {};
  const changes = changesOf?.(file) ?? 'scan';
  if (changes === 'scan') return { baseBytes };
  return { baseBytes, blocks: changes === 'none' ? new Uint32Array() : changes };
}
