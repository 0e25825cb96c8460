/** Composes the parts of a backup: what is copied, and what is packed into which part. */
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { planGroups, planParts, type PackedEntry, type PartLimits, type PlannedPart } from '../backup/plan-parts.ts';
import type { BaseFiles } from '../delta/base-files.ts';
import type { BegunBackup, Evidence } from '../delta/prove-base.ts';
import type { PostgresServer } from '../server/server.ts';
import { planByDatabase } from './by-database.ts';
import { planByRating } from './by-rating.ts';
import type { ComposerName } from './composer.ts';
import { copyParts, type CopiedPart } from './copy-parts.ts';
import { findCopySource } from './copy-source.ts';
import { findUnchangedParts, isMemberUnchanged } from './unchanged-parts.ts';
import { readUpdateCounts } from './update-counts.ts';

/** What becomes of the entries. */
export interface Composition {
  /** To be packed. */
  readonly planned: readonly PlannedPart[];
  /** Stored already. */
  readonly copied: readonly CopiedPart[];
  /** What to record of a file. */
  readonly updatesCountOf: (name: string) => number;
}

/** What composing needs. */
export interface ComposeContext extends PartLimits {
  readonly composer: ComposerName;
  readonly transport: Transport;
  readonly server: PostgresServer;
  readonly session: BegunBackup & { readonly name: string };
  readonly dataDirectory: Evidence['dataDirectory'];
  readonly archive: Evidence['archive'];
  /** Of the base of a delta. */
  readonly baseFiles: BaseFiles | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Composes the parts; with the copy composer those that are copied are stored when it resolves. */
export async function composeParts(entries: readonly PackedEntry[], context: ComposeContext): Promise<Composition> {
  const plain = { copied: [], updatesCountOf: () => 0 };
  switch (context.composer) {
    case 'regular':
      return { ...plain, planned: planParts(entries, context) };
    case 'database':
      return { ...plain, planned: planByDatabase(entries, context) };
    case 'rating': {
      const { baseFiles } = context;
      const updatesCountOf = await readUpdateCounts(context.server);
      const counts = { of: updatesCountOf, before: (name: string) => baseFiles?.of(name)?.updatesCount ?? 0 };
      return { copied: [], updatesCountOf, planned: planByRating(entries, context, counts) };
    }
    case 'copy':
      return { ...plain, ...(await copyUnchanged(entries, context)) };
  }
}

async function copyUnchanged(
  entries: readonly PackedEntry[],
  context: ComposeContext,
): Promise<Pick<Composition, 'planned' | 'copied'>> {
  const { transport, session, logger } = context;
  const source = await findCopySource(transport.storage, session, { ...context, backups: transport }, context);
  if (source === undefined) return { planned: planParts(entries, context), copied: [] };
  const copied = await copyParts(transport, session.name, findUnchangedParts(source, entries), context);
  const isCopied = new Set(copied.flatMap(([planned]) => planned.entries));
  const rest = entries.filter((entry) => !isCopied.has(entry));
  const parts = copied.map(([, part]) => part);
  logger.info('copied unchanged parts', {
    from: source.base.name,
    parts: copied.length,
    files: isCopied.size,
    storedBytes: parts.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  });
  // What has not changed may not change until the next backup, either: apart from the others it can be copied then.
  const quiet = rest.filter((entry) => entry.type !== 'file' || isMemberUnchanged(entry, source));
  const isQuiet = new Set(quiet);
  return { planned: planGroups([quiet, rest.filter((entry) => !isQuiet.has(entry))], context), copied };
}
