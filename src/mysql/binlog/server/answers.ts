/** What a replica asks before it asks for events, and what it is told (`mysql.md` 13 of the specification; MariaDB's own questions beside). Pure. */

/** An answer of one row; undefined: the statement is taken, and there is nothing to tell. */
export type Answer = { readonly columns: readonly string[]; readonly row: readonly string[] } | undefined;

/** What answers depend on. */
export interface AnswerFacts {
  readonly serverId: number;
  readonly now: Date;
  /** What we say we are. */
  readonly version: string;
}

/** Answers a statement; upper and lower case do not matter. */
export function answerTo(statement: string, { serverId, now, version }: AnswerFacts): Answer {
  const text = statement
    .trim()
    .replace(/;$/, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/= (?=')/g, '=')
    .toLowerCase();
  const values = new Map<string, string>([
    ['select @master_binlog_checksum', 'CRC32'],
    ['select @source_binlog_checksum', 'CRC32'],
    ['select @@global.binlog_checksum', 'CRC32'],
    ['select @@global.server_id', String(serverId)],
    ['select @@global.gtid_mode', 'ON'],
    ['select @@global.server_uuid', '0'],
    ['select @@global.rpl_semi_sync_master_enabled', '0'],
    ['select @@global.rpl_semi_sync_source_enabled', '0'],
    ['select @@global.gtid_domain_id', '0'],
    ['select unix_timestamp()', String(Math.floor(now.getTime() / 1_000))],
    ['select version()', version],
    ['select @@version', version],
  ]);
  const value = values.get(text);
  if (value !== undefined) return { columns: [statement.trim().replace(/^\w+\s+/, '')], row: [value] };
  const [, variable] = /^show (?:global )?variables like '(\w+)'$/.exec(text) ?? [];
  const shown = new Map([
    ['binlog_checksum', 'CRC32'],
    ['server_id', String(serverId)],
  ]).get(variable ?? '');
  return variable === undefined || shown === undefined
    ? undefined
    : { columns: ['Variable_name', 'Value'], row: [variable, shown] };
}

/** What a client says of itself before it asks for events. */
export interface ClientState {
  /** The transactions that a replica of MariaDB has; undefined: it goes by positions. */
  readonly connectState: string | undefined;
  /** It expects checksums in what comes before the first format description. */
  readonly expectsChecksum: boolean;
}

/** Of a client that has said nothing. */
export const silentClient: ClientState = { connectState: undefined, expectsChecksum: true };

/** Adds what a statement says. */
export function withStatement(state: ClientState, statement: string): ClientState {
  const gtids = /^\s*set @slave_connect_state\s*=\s*'([^']*)'\s*;?\s*$/i.exec(statement)?.[1];
  if (gtids !== undefined) return { ...state, connectState: gtids };
  if (/^\s*set @(?:master|source)_binlog_checksum\s*=\s*'?none/i.test(statement)) {
    return { ...state, expectsChecksum: false };
  }
  return state;
}
