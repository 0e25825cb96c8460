/** What restores need of the program. */
import { availableParallelism } from 'node:os';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { readSettings } from '../../config/setting.ts';
import { downloadSettings, networkSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { openWorkerPool } from '../../pipeline/worker-pool.ts';
import type { FetchServices } from '../../postgres/backup/fetch.ts';
import { withTargetStorage } from '../../storage/target-storage.ts';
import type { App, Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';

/** From the settings, and `--turbo`. */
export function servicesOf(app: App, { options }: Arguments, transport: Transport): FetchServices {
  const { clock, logger, signal } = app;
  const { concurrency, fileRetries } = readSettings(downloadSettings, app.settings);
  const { rateLimit } = readSettings(networkSettings, app.settings);
  const limited = rateLimit !== undefined && options['turbo'] !== true;
  return {
    ...{ transport, clock, logger, signal, retries: fileRetries },
    openPool: (parts) =>
      openWorkerPool({
        entry: app.program.workerEntry,
        workers: Math.min(parts, concurrency, availableParallelism()),
        environment: withTargetStorage(app.settings.toEnvironment(), transport.storageName),
        networkLimit: limited ? createRateLimiter(rateLimit) : undefined,
        signal,
        logger,
      }),
    openProgress: (totalBytes) => showTransfer(app, 'restoring backup', totalBytes),
  };
}
