/** What the server says of itself, for a report that does without it, too. */
import { SettingError, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { connectServer, hasDatasource } from '../server/connect.ts';
import { DatasourceError, ServerQueryError } from '../server/errors.ts';
import type { BinlogPosition, Flavor, MysqlServer, ServerBinlog } from '../server/server.ts';

/** A server that answered. */
export interface AnsweringServer {
  readonly kind: 'answered';
  readonly location: string;
  readonly flavor: Flavor;
  readonly version: string;
  readonly serverId: number;
  readonly serverUuid: string | undefined;
  /** Undefined: the binary log is off, or the user may not see it. */
  readonly active: BinlogPosition | undefined;
  /** Oldest first, the active one last. */
  readonly binlogs: readonly ServerBinlog[];
  /** Why nothing is known of its binlogs. */
  readonly binlogsProblem: string | undefined;
}

/** The server, or why nothing is known of it. */
export type ServerState =
  | AnsweringServer
  /** Nobody asked. */
  | { readonly kind: 'not asked' }
  /** None is named. */
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string; readonly hint: string | undefined };

const limitMs = 60_000;

/** Asks the server that the settings name. @throws SettingError, DatasourceError, the reason of the signal; other failures are in the answer */
export async function askServer(
  settings: RawSettings,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<ServerState> {
  if (!hasDatasource(settings)) return { kind: 'none' };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    await using server = await connectServer(settings, { logger, signal: limit });
    return await answerOf(server);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) {
      return { kind: 'failed', reason: `it did not answer within ${limitMs / 1000} s`, hint: undefined };
    }
    if (!(error instanceof ArchiverError) || error instanceof SettingError || error instanceof DatasourceError)
      throw error;
    return { kind: 'failed', reason: messageOf(error), hint: error.hint };
  }
}

async function answerOf(server: MysqlServer): Promise<AnsweringServer> {
  const { location, flavor, version, serverId, serverUuid } = server;
  const head = { kind: 'answered' as const, location, flavor, version, serverId, serverUuid };
  try {
    const active = await server.activeBinlog();
    return { ...head, active, binlogs: await server.binaryLogs(), binlogsProblem: undefined };
  } catch (error) {
    if (!(error instanceof ServerQueryError)) throw error;
    return { ...head, active: undefined, binlogs: [], binlogsProblem: error.message };
  }
}
