/** `backup-verify` of archives of MySQL. */
import { createBudget } from '../../catalog/verify/budget.ts';
import { removeOrphanedReports } from '../../catalog/verify/gone-backups.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { listBackupRecords, type BackupRecord } from '../../mysql/backup/backup-record.ts';
import { readPositionNote } from '../../mysql/backup/position-note.ts';
import { parseBinlogName, type BinlogName } from '../../mysql/binlog/binlog-name.ts';
import { readableBinlogs } from '../../mysql/binlog/range/source.ts';
import { verifyBackups } from '../../mysql/verify/verify-backups.ts';
import { verifyBinlogs, type BinlogsReport } from '../../mysql/verify/verify-binlogs.ts';
import { limiterOf, withNetworkLimit } from '../../pipeline/limits.ts';
import { downloadSettings, networkSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { withReadCount } from '../../storage/read-count.ts';
import { splitSettings } from '../../stream/settings.ts';
import type { VerifiedLogs, VerifiedStorage, VerifyResult } from '../backup-verify-output.ts';
import type { App } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { chosenName, type VerifyRequest } from '../verify-request.ts';

/** @throws BackupNotFoundError; as `verifyBackups` and `verifyBinlogs` */
export async function verifyArchive(app: App, request: VerifyRequest): Promise<VerifyResult> {
  const { archive, withLogs, budgetBytes, isTurbo } = request;
  const { clock, logger, signal, settings } = app;
  if (withLogs && budgetBytes !== undefined) {
    throw new ArchiverError('usage', '--budget and --binlogs exclude each other', {
      hint: 'Verify the binlogs in a run of their own.',
    });
  }
  const records = await listBackupRecords(archive.storage, { clock, signal, everyCopy: true });
  const chosen = chosenName(
    records.map(({ name }) => name),
    request,
    app,
  );
  const wanted = chosen === undefined ? records : chainOf(records, chosen);
  const { rateLimit } = readSettings(networkSettings, settings);
  const limiter = isTurbo ? undefined : limiterOf(rateLimit);
  let readBytes = 0;
  const progress = showTransfer(app, 'verifying', withLogs ? undefined : (budgetBytes ?? storedBytesOf(wanted)));
  const counting = (transport: Transport): Transport => ({
    ...transport,
    storage: withReadCount(withNetworkLimit(transport, limiter).storage, (bytes) => {
      readBytes += bytes;
      progress.update(readBytes);
    }),
  });
  const { attempts } = readSettings(splitSettings, settings);
  const { concurrency } = readSettings(downloadSettings, settings);
  const common = { attempts, clock, logger, signal };
  const budget = createBudget(budgetBytes);
  const storages: VerifiedStorage[] = [];
  let logs: VerifiedLogs | undefined;
  try {
    const counted = counting(archive);
    const binlogs = await readableBinlogs(counted, { signal });
    for (const storageName of new Set(wanted.map((record) => record.storageName))) {
      const transport = storageName === undefined ? archive : await app.transport('read', { target: storageName });
      const own = records.filter((record) => record.storageName === storageName).map(({ name }) => name);
      if (chosen === undefined) {
        await removeOrphanedReports(transport.storage, { kind: 'mysql', backups: new Set(own) }, { signal });
      }
      const backups = wanted.filter((record) => record.storageName === storageName).map(({ name }) => name);
      const services = { ...common, transport: counting(transport) };
      storages.push({ storageName, backups, reports: await verifyBackups(services, { backups, binlogs, budget }) });
    }
    if (withLogs) {
      const starts = await startsOf(archive, wanted, signal);
      logs = logsOf(await verifyBinlogs({ ...common, transport: counted, concurrency }, starts));
    }
  } finally {
    progress.finish();
  }
  return { storages, logs, readBytes, budgetBytes };
}

/** A backup and those it builds on, as far as they are there, oldest first; in every storage that has it. */
function chainOf(records: readonly BackupRecord[], name: string): readonly BackupRecord[] {
  const names = new Set<string>();
  for (let next: string | undefined = name; next !== undefined && !names.has(next);) {
    names.add(next);
    const sentinel: BackupRecord['sentinel'] = records.find((record) => record.name === next)?.sentinel;
    next = sentinel?.kind === 'increment' ? sentinel.parent : undefined;
  }
  return records.filter((record) => names.has(record.name));
}

function storedBytesOf(records: readonly BackupRecord[]): number {
  return records.reduce((sum, { sentinel }) => sum + (sentinel?.compressedBytes ?? 0), 0);
}

async function startsOf(
  { storage }: Transport,
  records: readonly BackupRecord[],
  signal: AbortSignal,
): Promise<readonly BinlogName[]> {
  const starts: BinlogName[] = [];
  for (const { name, sentinel } of records) {
    const note = await readPositionNote(storage, name, { signal }).catch(() => undefined);
    const start = parseBinlogName(note?.position?.binlog ?? sentinel?.binlogStart ?? '');
    if (start !== undefined) starts.push(start);
  }
  return starts;
}

function logsOf({ binlogs, ...report }: BinlogsReport): VerifiedLogs {
  const names = { title: 'binlogs', key: 'binlogs', counted: 'count' };
  return { ...report, names, isComplete: true, counts: binlogs };
}
