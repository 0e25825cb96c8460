import { createRateLimiter } from '../bytes/rate-limiter.ts';
import { copyMissing, type SyncResult } from '../catalog/mirror-sync/copy.ts';
import { planSync, reasonOf, type SyncPlan, type SyncStorages } from '../catalog/mirror-sync/plan.ts';
import { readSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import { networkSettings, uploadSettings } from '../pipeline/settings.ts';
import { storageNamed } from '../storage/named-storages.ts';
import type { Storage } from '../storage/storage.ts';
import { defineCommand, type App } from './command.ts';
import { syncJson, syncText } from './mirror-sync-output.ts';
import { showTransfer } from './transfer-progress.ts';

/** `mirror sync`: gives every mirror what it lacks. */
export const mirrorSync = defineCommand({
  name: 'mirror sync',
  summary: 'Copy to each mirror what it lacks and another one has.',
  positionals: [],
  options: {
    'dry-run': { type: 'boolean', text: 'Only say what is missing where.' },
    json: { type: 'boolean', text: 'Print JSON.' },
    from: { type: 'string', placeholder: 'NAME', text: 'Copy what this storage has; default: any of them.' },
    to: { type: 'string', placeholder: 'NAME', text: 'Copy to this storage; default: to all of them.' },
  },
  examples: [
    { line: 'mirror sync', text: 'Catch up whatever was away.' },
    { line: 'mirror sync --dry-run', text: 'See what that would copy.' },
    { line: 'mirror sync --from default --to disk', text: 'Fill a new mirror.' },
  ],
  exitStatuses: {
    65: 'storages hold different objects under one name; the rest was copied',
    69: 'a storage is unavailable; those that are there were synchronised',
    73: 'a storage is full, or standard output cannot be written',
    77: 'a storage refused',
  },
  async run(app, { options }) {
    const storages = storagesOf(await app.storage(), options);
    const plan = await planSync(storages, { signal: app.signal });
    const dryRun = options['dry-run'] === true;
    const result: SyncResult = dryRun
      ? { copied: new Map(), different: plan.different, heldBack: [] }
      : await carryOut(app, plan, options['turbo'] === true);
    const names = storages.to.map(({ name }) => name);
    const report = { dryRun, names, plan, result };
    await app.print(options['json'] === true ? `${syncJson(report)}\n` : syncText(report));
    throwProblem(plan, result);
    return undefined;
  },
});

async function carryOut(app: App, plan: SyncPlan, isTurbo: boolean): Promise<SyncResult> {
  const { rateLimit } = readSettings(networkSettings, app.settings);
  const { concurrency } = readSettings(uploadSettings, app.settings);
  const objects = [...plan.payload, ...plan.sentinels];
  const totalBytes = objects.reduce((sum, { sizeBytes, to }) => sum + sizeBytes * to.length, 0);
  if (objects.length > 0) app.logger.info('copying what mirrors lack', { objects: objects.length, bytes: totalBytes });
  const progress = showTransfer(app, 'copying', totalBytes);
  try {
    return await copyMissing(plan, {
      signal: app.signal,
      logger: app.logger,
      concurrency,
      limiter: rateLimit === undefined || isTurbo ? undefined : createRateLimiter(rateLimit),
      onProgress: (bytes) => {
        progress.update(bytes);
      },
    });
  } finally {
    progress.finish();
  }
}

function storagesOf(
  storage: Storage,
  { from, to }: Readonly<Record<string, string | boolean | undefined>>,
): SyncStorages {
  const isDirected = typeof from === 'string' && typeof to === 'string';
  // What went to a failover storage may be brought home, when it is said from where to where.
  const all = storage.copies ?? (isDirected ? storage.members : undefined);
  if (all === undefined) {
    throw new ArchiverError('config', 'there are no mirrors', {
      hint:
        storage.members === undefined
          ? 'Set WALG_MIRROR_STORAGES in the configuration file.'
          : 'Of failover storages, say from which to which one to copy: --from NAME --to NAME.',
    });
  }
  const sources = typeof from === 'string' ? [storageNamed(from, all)] : all;
  const targets = typeof to === 'string' ? [storageNamed(to, all)] : all;
  if (isDirected && sources[0] === targets[0]) {
    throw new ArchiverError('usage', '--from and --to name the same storage');
  }
  return { from: sources, to: targets };
}

/** Everything that could be done has been. */
function throwProblem({ unreachable }: SyncPlan, { different }: SyncResult): void {
  const [first] = different;
  if (first !== undefined) {
    const others = different.length === 1 ? '' : `, and ${different.length - 1} more`;
    throw new ArchiverError('corrupt', `storages hold different objects of one name: "${first.key}"${others}`, {
      hint: 'Nothing was replaced. Find out which is right, remove the other, and run this again.',
    });
  }
  const [away] = unreachable;
  if (away === undefined) return;
  throw new ArchiverError('unavailable', `not synchronised: ${unreachable.map(reasonOf).join('; ')}`, {
    cause: away.error,
    hint: 'Run this again when it is back.',
  });
}
