/** The checks of a server of MySQL or MariaDB, and of what the settings run: connects, asks, judges. */
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { listBinlogs } from '../../mysql/binlog/archive.ts';
import { parseBinlogName } from '../../mysql/binlog/binlog-name.ts';
import { readCondition, type ServerCondition } from '../../mysql/server/condition.ts';
import { connectServer, hasDatasource } from '../../mysql/server/connect.ts';
import { mysqlConnectionSettings } from '../../mysql/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import { failed, ok, skip, tryTo, type Check, type Finding } from '../check.ts';
import { checksOf } from '../database/judge.ts';
import { judgeCommands } from './commands.ts';
import { judgeArchived, judgeBinlogs, judgeServer } from './judge.ts';

/** What to check, and how. */
export interface MysqlCheckOptions {
  readonly settings: RawSettings;
  /** Without a server that is named a missing one is no failure: whoever restores has none yet. */
  readonly required: boolean;
  /** Where the binlogs are to be; undefined: it is not looked at. */
  readonly storage: Storage | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const limitMs = 90_000;

/** Checks the server. @throws the reason of the signal; nothing else */
export async function* checkMysql(options: MysqlCheckOptions): AsyncGenerator<Check, void> {
  const { settings, required, signal, storage } = options;
  let condition: ServerCondition | undefined;
  let reachable: Finding;
  if (!hasDatasource(settings) && !required) {
    reachable = skip('no server is named; set WALG_MYSQL_DATASOURCE_NAME to check one');
  } else {
    try {
      condition = await ask(options);
      reachable = ok(`connected to ${condition.location}`);
    } catch (error) {
      signal.throwIfAborted();
      reachable = failed(error);
    }
  }
  yield { area: 'database', name: 'reachable', ...reachable };
  if (condition !== undefined) yield* checksOf('database', judgeServer(condition));
  yield* checksOf('database', judgeCommands(settings, condition?.flavor));
  if (condition === undefined) return;
  yield* checksOf('archiving', judgeBinlogs(condition));
  if (storage !== undefined && condition.active !== undefined) {
    yield { area: 'archiving', name: 'archived', ...(await archivedFinding(storage, condition, signal)) };
  }
}

async function ask({ settings, logger, signal }: MysqlCheckOptions): Promise<ServerCondition> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    // A wrong one is to be told as a setting, before anything is tried.
    readSettings(mysqlConnectionSettings, settings);
    await using server = await connectServer(settings, { logger, signal: limit });
    return await readCondition(server);
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    throw new ArchiverError('unavailable', `the server did not answer within ${limitMs / 1_000} s`, {
      cause: error,
      hint: 'Look at its load and its log, and at the network in between.',
    });
  }
}

function archivedFinding(
  storage: Storage,
  { active, binlogs }: ServerCondition,
  signal: AbortSignal,
): Promise<Finding> {
  return tryTo({ signal, limitMs }, async (limited) => {
    const current = parseBinlogName(active?.name ?? '');
    if (current === undefined) return skip('the server has no active binlog');
    const archive = await listBinlogs(storage, { signal: limited });
    const last = archive.findLast(({ base, number }) => base === current.base && number < current.number);
    const own = binlogs.flatMap(({ name, sizeBytes }) => {
      const binlog = parseBinlogName(name);
      return binlog?.base === current.base ? [{ number: binlog.number, sizeBytes }] : [];
    });
    return judgeArchived({
      last,
      behind: own.filter(({ number }) => number > (last?.number ?? -1) && number < current.number),
      oldest: Math.min(current.number, ...own.map(({ number }) => number)),
    });
  });
}
