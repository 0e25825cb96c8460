/** The checks of the server: connects, asks, judges. */
import { existsSync, realpathSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { readControlFile } from '../../postgres/pgdata.ts';
import { receiveSettings } from '../../postgres/receive/settings.ts';
import { readCondition, type ServerCondition } from '../../postgres/server/condition.ts';
import { openConnector } from '../../postgres/server/connection.ts';
import { isServerNamed } from '../../postgres/server/find-server.ts';
import { failed, skip, type Check, type Finding } from '../check.ts';
import { checksOf, judgeServer, judgeSlots, judgeSpace, type Space } from './judge.ts';
import { judgeArchiving } from './judge-archiving.ts';

/** What to check, and how. */
export interface DatabaseCheckOptions {
  readonly settings: RawSettings;
  readonly programPath: string;
  /** Without a server that was named a missing one is no failure: whoever restores has none yet. */
  readonly required: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What came of asking the server. */
export interface DatabaseResult {
  /** The file that was archived last, to be looked for in the storage. */
  readonly lastArchivedWal: string | undefined;
}

const limitMs = 90_000;

/** Checks the server. @throws the reason of the signal; nothing else */
export async function* checkDatabase(options: DatabaseCheckOptions): AsyncGenerator<Check, DatabaseResult> {
  const { settings, required, signal, programPath, clock } = options;
  let asked;
  try {
    asked = await ask(options);
  } catch (error) {
    signal.throwIfAborted();
    const isNamed = required || isServerNamed(settings);
    const finding: Finding = isNamed
      ? failed(error)
      : skip(`no server was found where servers usually are; set PGHOST to check one (${firstLine(messageOf(error))})`);
    yield { area: 'database', name: 'reachable', ...finding };
    return { lastArchivedWal: undefined };
  }
  const { location, condition } = asked;
  yield {
    area: 'database',
    name: 'reachable',
    outcome: 'ok',
    text: `connected to ${location} as "${condition.role.name}"`,
  };
  yield* checksOf('database', judgeServer(condition));
  const directory = localDirectory(condition);
  const space =
    directory === undefined
      ? skip('the data directory is on another machine, or this user may not read it')
      : spaceAt(directory);
  yield* checksOf('database', { slots: judgeSlots(condition.slots), space });
  yield* checksOf(
    'archiving',
    judgeArchiving(condition, {
      programPath,
      hasFile: directory === undefined ? undefined : existsSync,
      now: clock.now(),
      receiverSlot: readSettings(receiveSettings, settings).slot,
    }),
  );
  return { lastArchivedWal: condition.archiver?.lastArchivedWal };
}

async function ask({
  settings,
  logger,
  signal,
}: DatabaseCheckOptions): Promise<{ readonly location: string; readonly condition: ServerCondition }> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    const session = await openConnector(settings, { logger }).connect({ signal: limit });
    try {
      return { location: session.location, condition: await readCondition(session, limit) };
    } finally {
      await session.end();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    throw new ArchiverError('unavailable', `the server did not answer within ${limitMs / 1_000} s`, {
      cause: error,
      hint: 'Look at its load and its log, and at the network in between.',
    });
  }
}

/** The data directory, when it is on this machine and can be read: another machine may have one at the same path. */
function localDirectory({ settings, systemIdentifier }: ServerCondition): string | undefined {
  const directory = settings.get('data_directory');
  if (directory === undefined || systemIdentifier === undefined) return undefined;
  try {
    return readControlFile(directory).systemIdentifier === systemIdentifier ? directory : undefined;
  } catch {
    return undefined;
  }
}

function spaceAt(directory: string): Finding {
  try {
    return judgeSpace([spaceOf(directory), ...walSpace(directory)]);
  } catch (error) {
    return skip(`not known: ${messageOf(error)}`);
  }
}

/** Where `pg_wal` is on a disk of its own. */
function walSpace(directory: string): readonly Space[] {
  const data = realpathSync(directory);
  const wal = realpathSync(join(data, 'pg_wal'));
  return wal === join(data, 'pg_wal') ? [] : [spaceOf(wal)];
}

/** Free space of the disk that holds a path. @throws the system's error */
export function spaceOf(path: string): Space {
  const { bsize, bavail, blocks } = statfsSync(path);
  return { path, freeBytes: bsize * bavail, totalBytes: bsize * blocks };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
