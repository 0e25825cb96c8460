/** Copies an archive, whatever database it is of: plan, refuse or carry out, compare, tell. */
import { copyArchive, type CopySteps } from '../catalog/copy/carry-out.ts';
import { refusalError } from '../catalog/copy/backup-selection.ts';
import type { CopyPlan } from '../catalog/copy/plan.ts';
import { verifyCopy } from '../catalog/copy/verify.ts';
import { holdShared } from '../catalog/lease/lease.ts';
import type { ArchiverError } from '../errors.ts';
import type { Transport } from '../pipeline/transport.ts';
import type { App, Arguments } from './command.ts';
import { copyJson, copyText, type CopyReport } from './copy-output.ts';
import { bytesOf, copyOptionsOf, openPool, warnOf, watched, type CopyArchives } from './copy-run.ts';

/** What a copy of one database's archive is. */
export interface DatabaseCopy<P extends CopyPlan> {
  readonly archives: CopyArchives;
  /** Of each storage of the source. */
  readonly sources: readonly Transport[];
  steps(plan: P): CopySteps;
  /** Sentinels of the copy are those of the source, byte for byte. */
  readonly keepsSentinels: boolean;
  readonly logs: CopyReport['logs'];
  /** Decides what to copy; called when the target is protected from deletions. */
  plan(): Promise<P>;
  missingLogs(plan: P): CopyReport['missingLogs'];
  /** Why nothing may be copied. */
  lackError(plan: P): ArchiverError | undefined;
}

/** Runs a copy and prints what it did. @throws what keeps it from being whole */
export async function runCopy<P extends CopyPlan>(
  app: App,
  options: Arguments['options'],
  copy: DatabaseCopy<P>,
): Promise<void> {
  const { archives, sources, logs } = copy;
  const { source, target, isDryRun, isReencoding } = archives;
  await using lease = isDryRun ? undefined : await holdShared(target.storage, 'copy', app);
  const plan = await copy.plan();
  warnOf(plan, app);
  const report = {
    ...{ dryRun: isDryRun, from: source.storage.location, to: target.storage.location, reencoded: isReencoding },
    ...{ plan, logs, missingLogs: copy.missingLogs(plan) },
  };
  const lack = copy.lackError(plan);
  const refusal = refusalError(plan);
  if (isDryRun || lack !== undefined) {
    await tell(app, { ...report, result: undefined, verified: undefined }, options);
    const problem = lack ?? refusal;
    if (problem !== undefined) throw problem;
    return;
  }
  const totalBytes = bytesOf(plan);
  await using pool = openPool(app, archives, options);
  const copying = { ...copyOptionsOf(app, archives, { options, pool, sources }), check: () => lease?.check() };
  const result = await watched(app, { label: 'copying', totalBytes, pool }, (onProgress) =>
    copyArchive(plan, { ...copying, onProgress }, copy.steps(plan)),
  );
  const also = copy.keepsSentinels ? plan.backups.map(({ sentinel }) => sentinel) : [];
  const verified =
    options['verify'] === true
      ? await watched(app, { label: 'verifying', totalBytes }, (onProgress) =>
          verifyCopy(plan, { ...copying, onProgress }, { also }),
        )
      : undefined;
  await tell(app, { ...report, result, verified }, options);
  if (refusal !== undefined) throw refusal;
}

async function tell(app: App, report: CopyReport, options: Arguments['options']): Promise<void> {
  await app.print(options['json'] === true ? `${copyJson(report)}\n` : copyText(report));
}
