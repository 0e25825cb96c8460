/** `backup-fetch --delta`. */
import type { FetchRequest, FetchServices } from '../../postgres/backup/fetch.ts';
import { describeInPlace, jsonOfInPlace } from '../../postgres/in-place/describe-in-place.ts';
import { planInPlace, prepareInPlace, restoreInPlace } from '../../postgres/in-place/restore-in-place.ts';
import type { App, Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { tellNextSteps } from './restored.ts';

/** Restores in place, or says what that would do. @returns the exit status */
export async function runInPlace(
  app: App,
  { options }: Arguments,
  { request, services }: { readonly request: FetchRequest; readonly services: FetchServices },
): Promise<number> {
  const { clock, logger } = app;
  const started = clock.monotonicMs();
  const comparing = {
    ...services,
    openComparison: (totalBytes: number) => showTransfer(app, 'comparing files', totalBytes),
  };
  const prepared = await prepareInPlace(services, request);
  if (options['dry-run'] === true) {
    const { counts } = await planInPlace(comparing, prepared, { durable: false });
    await app.print(options['json'] === true ? jsonOfInPlace(prepared, counts) : describeInPlace(prepared, counts));
    return 0;
  }
  const summary = await restoreInPlace(comparing, prepared);
  const durationMs = Math.round(clock.monotonicMs() - started);
  logger.info('backup restored in place', { backup: request.backup, ...summary, durationMs });
  tellNextSteps(app, request);
  return 0;
}
