/** What a server tells of what backups and binlogs depend on. */
import { ServerQueryError } from './errors.ts';
import type { BinlogPosition, Flavor, MysqlServer, ServerBinlog } from './server.ts';

/** A server, for the doctor. */
export interface ServerCondition {
  readonly location: string;
  readonly flavor: Flavor;
  readonly version: string;
  readonly serverId: number;
  readonly serverUuid: string | undefined;
  /** Global variables by their names in lower case, those that the server has. */
  readonly variables: ReadonlyMap<string, string>;
  /** Global privileges in upper case, `ALL PRIVILEGES` among them as it is; undefined: the server does not tell. */
  readonly privileges: ReadonlySet<string> | undefined;
  /** Undefined: the binary log is off, or {@link binlogsProblem}. */
  readonly active: BinlogPosition | undefined;
  /** Oldest first, the active one last. */
  readonly binlogs: readonly ServerBinlog[];
  /** Why the server does not tell of its binlogs. */
  readonly binlogsProblem: string | undefined;
}

const variableNames = [
  ...['log_bin', 'binlog_format', 'binlog_checksum', 'sync_binlog', 'innodb_flush_log_at_trx_commit'],
  ...['binlog_expire_logs_seconds', 'expire_logs_days', 'binlog_expire_logs_auto_purge'],
  ...['gtid_mode', 'enforce_gtid_consistency', 'gtid_strict_mode'],
  ...['binlog_encryption', 'encrypt_binlog'],
];

/** Asks the server. @throws ServerQueryError, ServerLostError */
export async function readCondition(server: MysqlServer): Promise<ServerCondition> {
  const { location, flavor, version, serverId, serverUuid } = server;
  const variables = await server.variables(variableNames);
  const privileges = await unlessRefused(async () => privilegesIn(await server.query('SHOW GRANTS')));
  const binlogs = await unlessRefused(async () => ({
    active: await server.activeBinlog(),
    binlogs: await server.binaryLogs(),
  }));
  return {
    ...{ location, flavor, version, serverId, serverUuid, variables },
    privileges: privileges instanceof ServerQueryError ? undefined : privileges,
    ...(binlogs instanceof ServerQueryError
      ? { active: undefined, binlogs: [], binlogsProblem: binlogs.message }
      : { ...binlogs, binlogsProblem: undefined }),
  };
}

async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | ServerQueryError> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ServerQueryError) return error;
    throw error;
  }
}

/** Those on everything; what a role grants is not among them. */
function privilegesIn(rows: readonly Readonly<Record<string, string | null>>[]): ReadonlySet<string> {
  const privileges = new Set<string>();
  for (const row of rows) {
    for (const grant of Object.values(row)) {
      const [, listed] = /^GRANT (.+) ON \*\.\* TO /.exec(grant ?? '') ?? [];
      for (const name of listed?.split(',') ?? []) privileges.add(name.trim().toUpperCase());
    }
  }
  return privileges;
}
