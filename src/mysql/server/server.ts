/** A running MySQL or MariaDB server, as far as archiving asks it. Made by `connect.ts`. */
import type { Datasource } from './datasource.ts';

/** Percona Server counts as MySQL. */
export type Flavor = 'mysql' | 'mariadb';

/** A place in the binary log. */
export interface BinlogPosition {
  /** File name without a folder. */
  readonly name: string;
  /** Bytes from the beginning of the file: the end of the last event written. */
  readonly position: number;
  /**
   * What was executed up to there, as the server writes it: `uuid:1-5` (MySQL), `0-1-14` (MariaDB); empty when there are no
   * GTIDs.
   */
  readonly gtid: string;
}

/** A binary log as the server lists it. */
export interface ServerBinlog {
  readonly name: string;
  readonly sizeBytes: number;
  readonly isEncrypted: boolean;
}

/** A row of an answer: texts by the names of their columns, as the server writes them; null is NULL. */
export type ServerRow = Readonly<Record<string, string | null>>;

/** An open connection; it runs one statement after another. All methods throw `ServerQueryError` and `ServerLostError`. */
export interface MysqlServer extends AsyncDisposable {
  readonly flavor: Flavor;
  /** `@@version`: `8.0.35-27`, `10.11.19-MariaDB-0+deb12u1-log`. */
  readonly version: string;
  /** Only MySQL has one. */
  readonly serverUuid: string | undefined;
  readonly serverId: number;
  /** For messages: where it is, without credentials. */
  readonly location: string;
  /** What the server was reached by, for child programs; it may be a local second choice of what was configured. */
  readonly datasource: Datasource;
  /** Everything executed: `@@gtid_executed` or `@@gtid_current_pos`, in the server's text form. */
  executedGtids(): Promise<string>;
  /** Undefined when the binary log is off. */
  activeBinlog(): Promise<BinlogPosition | undefined>;
  /** Oldest first; the last one is the active one. Empty when the binary log is off. */
  binaryLogs(): Promise<readonly ServerBinlog[]>;
  /** Closes the active binary log and begins another. */
  flushBinaryLogs(): Promise<void>;
  /** Global variables by their names in lower case; what the server does not have is left out. */
  variables(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Any statement. */
  query(statement: string): Promise<readonly ServerRow[]>;
}
