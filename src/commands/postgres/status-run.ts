/** `status` of an archive of PostgreSQL. */
import type { Transport } from '../../pipeline/transport.ts';
import { problemsOf } from '../../postgres/status/problems.ts';
import { readStatus } from '../../postgres/status/read-status.ts';
import type { App } from '../command.ts';
import type { ShownStatus, StatusRequest } from '../status-output/shown.ts';
import { statusJson } from './status-output/json.ts';
import { statusMetrics } from './status-output/metrics.ts';
import { statusPage, statusText } from './status-output/view.ts';

/** Looks at the archive and its server. @throws as `readStatus` */
export async function readShown(
  { settings, logger, clock, signal }: App,
  transport: Transport,
  { storageOnly }: StatusRequest,
): Promise<ShownStatus> {
  const status = await readStatus({ transport, settings, storageOnly, logger, clock, signal });
  const problems = problemsOf(status);
  return {
    now: status.now,
    problems,
    text: () => statusText(status, problems),
    json: () => statusJson(status, problems),
    page: () => statusPage(status, problems),
    metrics: () => statusMetrics(status, problems),
  };
}
