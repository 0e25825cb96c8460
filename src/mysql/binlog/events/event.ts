/**
 * Events of binary logs, version 4: a header of 19 bytes, a body, and usually a checksum (specification, `mysql.md` 10.4;
 * MySQL's `libs/mysql/binlog/event`, MariaDB's `sql/log_event.h`).
 */

/** What a file of events begins with: `\xFEbin`. */
export const binlogMagic = Uint8Array.of(0xfe, 0x62, 0x69, 0x6e);

/** What an encrypted log of MySQL begins with. MariaDB's begin like others and have a START_ENCRYPTION event. */
export const encryptedMagic = Uint8Array.of(0xfd, 0x62, 0x69, 0x6e);

/** Length of an event's header. */
export const headerBytes = 19;

/** Length of an event's checksum. */
export const checksumBytes = 4;

/** Where in an event its flags are. */
export const flagsAt = 17;

/** Flag of a FORMAT_DESCRIPTION event: the server has the file open, or crashed while it had. */
export const inUseFlag = 0x0001;

/** Types of events that the program looks into. */
export const eventTypes = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  appendBlock: 9,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  incident: 26,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  xaPrepare: 38,
  transactionPayload: 40,
  taggedGtid: 42,
  mariadbAnnotateRows: 160,
  mariadbBinlogCheckpoint: 161,
  mariadbGtid: 162,
  mariadbGtidList: 163,
  mariadbStartEncryption: 164,
  mariadbQueryCompressed: 165,
} as const;

/** One event. Its bytes are lent: valid until the next event is asked for. */
export interface BinlogEvent {
  /** Seconds since 1970; 0 in what a server makes up. */
  readonly timestamp: number;
  readonly type: number;
  readonly serverId: number;
  /** In the file, header and checksum included. */
  readonly length: number;
  /** Where in the file it begins, from 0: what clients call its position. */
  readonly start: number;
  /** Where in the file the next one begins. */
  readonly end: number;
  /** What the header says of that, in 32 bits. */
  readonly nextPosition: number;
  readonly flags: number;
  /** All of it, header and checksum included; of one longer than what is kept, only so much. */
  readonly bytes: Uint8Array;
  /** Without header and checksum; cut like {@link bytes}. */
  readonly body: Uint8Array;
  /** Nothing was cut off. */
  readonly isWhole: boolean;
}

/** The first event of every file. */
export interface FormatDescription {
  /** `8.0.35-27`, `10.11.19-MariaDB-…`. */
  readonly serverVersion: string;
  /** Seconds since 1970, when the server had just been started; 0 in the files that follow. */
  readonly created: number;
  /** Events end with a checksum. */
  readonly hasChecksums: boolean;
  /** The server has the file open, or crashed while it had. */
  readonly isInUse: boolean;
}
