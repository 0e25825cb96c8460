/** `status` of an archive of MySQL. */
import { problemsOf } from '../../mysql/status/problems.ts';
import { readStatus } from '../../mysql/status/read-status.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { App } from '../command.ts';
import { viewPage } from '../status-output/page.ts';
import type { ShownStatus, StatusRequest } from '../status-output/shown.ts';
import { viewText } from '../status-output/text.ts';
import { statusJson } from './status-output/json.ts';
import { statusMetrics } from './status-output/metrics.ts';
import { viewOf } from './status-output/view.ts';

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
    text: () => viewText(viewOf(status, problems)),
    json: () => statusJson(status, problems),
    page: () => viewPage(viewOf(status, problems)),
    metrics: () => statusMetrics(status, problems),
  };
}
