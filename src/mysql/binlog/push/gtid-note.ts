/** `binlog_sentinel_005.json`: which transactions are archived, from whatever server (specification, `mysql.md` 10.3). */
import { JsonFields } from '../../../catalog/json-fields.ts';
import { collect, fromBytes } from '../../../bytes/stage.ts';
import { messageOf } from '../../../errors.ts';
import { pushPlain } from '../../../pipeline/push-object.ts';
import type { Logger } from '../../../platform/logger.ts';
import { ObjectNotFoundError } from '../../../storage/errors.ts';
import type { Abortable, Key, Storage } from '../../../storage/storage.ts';
import { emptyGtidSet, parseGtidSet, type Flavor, type GtidSet } from '../gtid/gtid-set.ts';

/** At the root of the storage; kept by deletions. */
export const gtidNoteKey: Key = 'binlog_sentinel_005.json';

const mostBytes = 64 << 20;

/** What is archived; nothing when there is no note, or it cannot be understood, which is told. @throws the storage's error */
export async function readGtidNote(
  storage: Storage,
  flavor: Flavor,
  { logger, signal }: Abortable & { readonly logger: Logger },
): Promise<GtidSet> {
  try {
    const text = await collect(await storage.read(gtidNoteKey, { signal }), mostBytes);
    return parseGtidSet(JsonFields.parse(text.toString('utf8'), gtidNoteKey).text('GtidArchived') ?? '', flavor);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return emptyGtidSet(flavor);
    signal?.throwIfAborted();
    if (!isAboutContent(error)) throw error;
    logger.warn('cannot understand which GTIDs are archived, beginning anew', {
      key: gtidNoteKey,
      reason: messageOf(error),
    });
    return emptyGtidSet(flavor);
  }
}

/** Replaces the note. */
export async function writeGtidNote(
  storage: Storage,
  archived: GtidSet,
  options: Abortable & { readonly logger: Logger },
): Promise<void> {
  const text = Buffer.from(JSON.stringify({ GtidArchived: archived.toString() }));
  await pushPlain(storage, gtidNoteKey, () => fromBytes(text), options);
}

function isAboutContent(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && (error.kind === 'corrupt' || error.kind === 'usage');
}
