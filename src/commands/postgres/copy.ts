import { resolve } from 'node:path';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { holdShared } from '../../catalog/lease/lease.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { networkSettings, uploadSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { copyArchive, listAll } from '../../postgres/copy/carry-out.ts';
import { reencodedKey } from '../../postgres/copy/copied-names.ts';
import type { CopyOptions } from '../../postgres/copy/object-copier.ts';
import { planCopy, type CopyPlan } from '../../postgres/copy/plan.ts';
import { lackError, refusalError } from '../../postgres/copy/refusals.ts';
import { verifyCopy } from '../../postgres/copy/verify.ts';
import { readInventories, type StoredInventory } from '../../postgres/inventory/read-inventory.ts';
import { segmentBytesOf } from '../../postgres/status/segment-size.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { copyJson, copyText, type CopyReport } from './copy-output.ts';

/** `copy`: backups, with all that they need, from one archive to another. */
export const copy = defineCommand({
  name: 'copy',
  summary: 'Copy backups and their WAL to another storage, as they are or encoded anew.',
  positionals: [],
  options: {
    from: { type: 'string', short: 'f', placeholder: 'FILE', text: 'Configuration file of the archive to copy from.' },
    to: { type: 'string', short: 't', placeholder: 'FILE', text: 'Configuration file of the archive to copy to.' },
    'backup-name': {
      type: 'string',
      short: 'b',
      placeholder: 'NAME',
      text: 'Copy this backup and what it builds on; LATEST is the newest one. Default: all.',
    },
    all: { type: 'boolean', text: 'Copy all backups, as without --backup-name.' },
    'with-history': {
      type: 'boolean',
      short: 'w',
      text: 'Copy also all WAL that was archived since, so that the copy can be recovered to any moment.',
    },
    're-encode': {
      type: 'boolean',
      text: 'Decrypt and decompress, then compress and encrypt as the target is configured: new keys, another method.',
    },
    'allow-missing-wal': { type: 'boolean', text: 'Copy although the source lacks WAL; what lacks is told.' },
    verify: { type: 'boolean', text: 'Read everything back from the target and compare it with the source.' },
    'dry-run': { type: 'boolean', text: 'Only say what would be copied.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'copy --from s3.yaml --to disk.yaml', text: 'All backups with the WAL that they need.' },
    { line: 'copy --from s3.yaml --to disk.yaml -b LATEST -w', text: 'The newest one, and all WAL since.' },
    { line: 'copy --from old-key.yaml --to new-key.yaml -w --re-encode', text: 'Change the key of an archive.' },
  ],
  exitStatuses: {
    65: 'something in the source is damaged, or the copy differs; the rest was copied',
    66: 'no such backup, or WAL that it needs is missing',
    69: 'a storage is unavailable; run it again to go on',
    73: 'the target holds other objects of these names, or is full',
    75: 'backups are being deleted from the target',
    77: 'a storage refused, or a key does not fit',
  },
  async run(app, { options }) {
    const request = await openRequest(app, options);
    await using lease = request.isDryRun ? undefined : await holdShared(request.target.storage, 'copy', app);
    const { plan, base } = await planOf(app, request, options);
    const report = { ...base, plan };
    const lack = request.mayLackWal ? undefined : lackError(plan);
    const refusal = refusalError(plan);
    if (request.isDryRun || lack !== undefined) {
      await tell(app, { ...report, result: undefined, verified: undefined }, options);
      const problem = lack ?? refusal;
      if (problem !== undefined) throw problem;
      return undefined;
    }
    const objects = [
      ...plan.wal,
      ...plan.backups.flatMap(({ parts, notes, sentinel }) => [...parts, ...notes, sentinel]),
    ];
    const totalBytes = objects.reduce((sum, { object }) => sum + object.sizeBytes, 0);
    const { rateLimit } = readSettings(networkSettings, app.settings);
    const { concurrency } = readSettings(uploadSettings, app.settings);
    const copying: Omit<CopyOptions, 'onProgress'> = {
      sources: request.stored.map(({ transport }) => transport),
      target: request.target,
      reencode: request.isReencoding,
      concurrency,
      limiter: rateLimit === undefined || options['turbo'] === true ? undefined : createRateLimiter(rateLimit),
      clock: app.clock,
      logger: app.logger,
      signal: app.signal,
      check: () => lease?.check(),
    };
    const result = await watched(app, 'copying', totalBytes, (onProgress) =>
      copyArchive(plan, { ...copying, onProgress }),
    );
    const verified =
      options['verify'] === true
        ? await watched(app, 'verifying', totalBytes, (onProgress) => verifyCopy(plan, { ...copying, onProgress }))
        : undefined;
    await tell(app, { ...report, result, verified }, options);
    if (refusal !== undefined) throw refusal;
    return undefined;
  },
});

interface CopyRun {
  readonly source: Transport;
  /** Each storage of the source. */
  readonly stored: readonly StoredInventory[];
  readonly target: Transport;
  readonly isReencoding: boolean;
  readonly isDryRun: boolean;
  readonly mayLackWal: boolean;
}

async function openRequest(app: App, options: Arguments['options']): Promise<CopyRun> {
  const { from, to } = options;
  if (typeof from !== 'string' || typeof to !== 'string') {
    throw new ArchiverError('usage', '--from and --to are needed', {
      hint: 'Each is a configuration file that describes one archive.',
    });
  }
  if (options['all'] === true && options['backup-name'] !== undefined) {
    throw new ArchiverError('usage', '--all and --backup-name exclude each other');
  }
  const [sourceArchive, targetArchive] = [await app.otherArchive(resolve(from)), await app.otherArchive(resolve(to))];
  const source = await sourceArchive.transport('read');
  const target = await targetArchive.transport('write', { wholly: true });
  if (source.storage.location === target.storage.location) {
    throw new ArchiverError('usage', `--from and --to are the same place: ${source.storage.location}`);
  }
  const isReencoding = options['re-encode'] === true;
  if (!isReencoding && (source.crypter === undefined) !== (target.crypter === undefined)) {
    app.logger.warn('objects are copied as they are, and only one of the archives has a key', {
      hasKey: source.crypter === undefined ? 'the target' : 'the source',
    });
  }
  const { segmentBytes } = readSettings(postgresSettings, sourceArchive.settings);
  return {
    source,
    stored: await readSource(app, source, segmentBytes),
    target,
    isReencoding,
    isDryRun: options['dry-run'] === true,
    mayLackWal: options['allow-missing-wal'] === true,
  };
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

type Base = Pick<CopyReport, 'dryRun' | 'from' | 'to' | 'reencoded'>;

async function planOf(
  { signal, logger }: App,
  request: CopyRun,
  options: Arguments['options'],
): Promise<{ readonly plan: CopyPlan; readonly base: Base }> {
  const { source, stored, target, isReencoding } = request;
  const name = options['backup-name'];
  const plan = planCopy({
    inventories: stored.map(({ inventory }) => inventory),
    target: await listAll(target, signal),
    choice: { name: typeof name === 'string' ? name : undefined, location: source.storage.location },
    withHistory: options['with-history'] === true,
    reencodedKey: isReencoding ? (key) => reencodedKey(target, key) : undefined,
  });
  for (const { name: backup, reason } of plan.refused) logger.warn('backup not copied', { backup, reason });
  if (plan.overtaken.length > 0) {
    logger.warn('WAL-G will take the copied backups for newer than these, which the target has already', {
      backups: plan.overtaken.join(', '),
    });
  }
  const base = {
    dryRun: request.isDryRun,
    from: source.storage.location,
    to: target.storage.location,
    reencoded: isReencoding,
  };
  return { plan, base };
}

async function watched<T>(
  app: App,
  label: string,
  totalBytes: number,
  work: (onProgress: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const progress = showTransfer(app, label, totalBytes);
  try {
    return await work((bytes) => {
      progress.update(bytes);
    });
  } finally {
    progress.finish();
  }
}

async function tell(app: App, report: CopyReport, options: Arguments['options']): Promise<void> {
  await app.print(options['json'] === true ? `${copyJson(report)}\n` : copyText(report));
}
