/** `copy` of archives of PostgreSQL. */
import { listAll } from '../../catalog/copy/carry-out.ts';
import { readSettings } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { postgresCopySteps } from '../../postgres/copy/copied-notes.ts';
import { planCopy } from '../../postgres/copy/plan.ts';
import { lackError } from '../../postgres/copy/refusals.ts';
import { readInventories, type StoredInventory } from '../../postgres/inventory/read-inventory.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { segmentBytesOf } from '../../postgres/status/segment-size.ts';
import type { App, Arguments } from '../command.ts';
import { reencodingOf, type CopyArchives } from '../copy-run.ts';
import { runCopy } from '../run-copy.ts';

/** Copies backups and their WAL. */
export async function copyPostgres(app: App, options: Arguments['options'], archives: CopyArchives): Promise<void> {
  const { source, target, sourceArchive, isReencoding } = archives;
  const { segmentBytes } = readSettings(postgresSettings, sourceArchive.settings);
  const stored = await readSource(app, source, segmentBytes);
  const name = options['backup-name'];
  const mayLackWal = options['allow-missing-wal'] === true;
  await runCopy(app, options, {
    archives,
    sources: stored.map(({ transport }) => transport),
    steps: () => postgresCopySteps,
    keepsSentinels: !isReencoding,
    logs: { title: 'WAL', key: 'wal', counted: 'segments' },
    plan: async () =>
      planCopy({
        inventories: stored.map(({ inventory }) => inventory),
        target: await listAll(target, app.signal),
        choice: { name: typeof name === 'string' ? name : undefined, location: source.storage.location },
        withHistory: options['with-history'] === true,
        reencodedKey: reencodingOf(archives),
      }),
    missingLogs: ({ missingWal }) =>
      missingWal.map(({ first, segments, backup }) => ({ first, count: segments, backup })),
    lackError: (plan) => (mayLackWal ? undefined : lackError(plan)),
  });
}

/** Looks at the source; once more when its backups tell that segments have another size than the settings say. */
async function readSource(
  { clock, signal, logger }: App,
  source: Transport,
  configured: number,
): Promise<readonly StoredInventory[]> {
  const stored = await readInventories(source, { segmentBytes: configured, clock, signal });
  const segmentBytes = segmentBytesOf(
    stored.flatMap(({ inventory }) => inventory.backups),
    configured,
  );
  if (segmentBytes === configured) return stored;
  logger.warn('WALG_PG_WAL_SIZE of the source is another than its backups tell', { configured, bytes: segmentBytes });
  return readInventories(source, { segmentBytes, clock, signal });
}
