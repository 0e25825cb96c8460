/** What archiving asks a server, in the words of its flavour and version. */
import { CorruptError } from '../../errors.ts';
import type { Reached } from './connect.ts';
import { locationOf, type Datasource } from './datasource.ts';
import { ServerQueryError } from './errors.ts';
import type { BinlogPosition, Flavor, MysqlServer, ServerBinlog, ServerRow } from './server.ts';
import type { Session } from './session.ts';

/** Asks the server who it is. Closes the session when that fails. @throws ServerQueryError, ServerLostError */
export async function openServer({ session, datasource }: Reached): Promise<MysqlServer> {
  try {
    const [row] = await session.query('SELECT @@version AS version, @@server_id AS server_id');
    const version = row?.['version'] ?? '';
    const flavor: Flavor = version.includes('MariaDB') ? 'mariadb' : 'mysql';
    const uuid = flavor === 'mysql' ? (await session.query('SELECT @@server_uuid AS uuid'))[0]?.['uuid'] : undefined;
    return new LiveServer(session, datasource, {
      flavor,
      version,
      serverId: Number(row?.['server_id'] ?? 0),
      serverUuid: uuid ?? undefined,
    });
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

type Facts = Pick<MysqlServer, 'flavor' | 'version' | 'serverId' | 'serverUuid'>;

const binaryLogIsOff = 1381;
const syntaxError = 1064;
/** Closing a binary log waits for transactions that are being committed. */
const flushMs = 600_000;

class LiveServer implements MysqlServer {
  readonly flavor: Flavor;
  readonly version: string;
  readonly serverUuid: string | undefined;
  readonly serverId: number;
  readonly location: string;
  readonly datasource: Datasource;
  readonly #session: Session;

  constructor(session: Session, datasource: Datasource, facts: Facts) {
    this.#session = session;
    this.datasource = datasource;
    this.location = locationOf(datasource.address);
    this.flavor = facts.flavor;
    this.version = facts.version;
    this.serverUuid = facts.serverUuid;
    this.serverId = facts.serverId;
  }

  async executedGtids(): Promise<string> {
    const variable = this.flavor === 'mariadb' ? '@@global.gtid_current_pos' : '@@global.gtid_executed';
    const [row] = await this.query(`SELECT ${variable} AS gtids`);
    return withoutBreaks(row?.['gtids'] ?? '');
  }

  async activeBinlog(): Promise<BinlogPosition | undefined> {
    const row = await this.#masterStatus();
    const name = row?.['File'] ?? '';
    if (row === undefined || name === '') return undefined;
    const position = Number(row['Position']);
    if (!Number.isSafeInteger(position)) throw new CorruptError(`the position in "${name}" is not a number`);
    return { name, position, gtid: await this.#gtidAt(name, position, row) };
  }

  async binaryLogs(): Promise<readonly ServerBinlog[]> {
    let rows: readonly ServerRow[];
    try {
      rows = await this.query('SHOW BINARY LOGS');
    } catch (error) {
      if (error instanceof ServerQueryError && error.errno === binaryLogIsOff) return [];
      throw error;
    }
    return rows.map((row) => ({
      name: row['Log_name'] ?? '',
      sizeBytes: Number(row['File_size'] ?? 0),
      isEncrypted: /^yes$/i.test(row['Encrypted'] ?? ''),
    }));
  }

  async flushBinaryLogs(): Promise<void> {
    await this.#session.query('FLUSH BINARY LOGS', flushMs);
  }

  async variables(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const listed = names.map((name) => `'${name.replaceAll(/[^\w]/g, '')}'`).join(', ');
    const rows = await this.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${listed})`);
    return new Map(rows.map((row) => [(row['Variable_name'] ?? '').toLowerCase(), row['Value'] ?? '']));
  }

  query(statement: string): Promise<readonly ServerRow[]> {
    return this.#session.query(statement);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #masterStatus(): Promise<ServerRow | undefined> {
    try {
      return (await this.query('SHOW MASTER STATUS'))[0];
    } catch (error) {
      // MySQL 8.4 has forgotten the old words.
      if (!(error instanceof ServerQueryError) || error.errno !== syntaxError) throw error;
      return (await this.query('SHOW BINARY LOG STATUS'))[0];
    }
  }

  async #gtidAt(name: string, position: number, row: ServerRow): Promise<string> {
    if (this.flavor === 'mysql') return withoutBreaks(row['Executed_Gtid_Set'] ?? '');
    const quotedName = name.replaceAll("'", "''").replaceAll('\\', '\\\\');
    const [found] = await this.query(`SELECT BINLOG_GTID_POS('${quotedName}', ${position}) AS gtid`);
    return found?.['gtid'] ?? '';
  }
}

/** MySQL writes long sets on several lines. */
function withoutBreaks(gtids: string): string {
  return gtids.replaceAll(/\s/g, '');
}
