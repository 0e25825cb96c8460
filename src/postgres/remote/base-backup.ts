/**
 * A base backup that the server streams: `BASE_BACKUP` of the replication protocol, from its first result to its last.
 * Format: PostgreSQL's documentation, "Streaming Replication Protocol".
 */
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { parseLsn, type Lsn } from '../lsn.ts';
import { cancelQuery } from '../server/cancel.ts';
import type { Connector } from '../server/connection.ts';
import { ServerQueryError } from '../server/errors.ts';
import { numberOf, optionalText, textOf } from '../server/rows.ts';
import type { Row, Session } from '../server/session.ts';
import type { StreamedMessage } from '../server/streamed-command.ts';
import { archivesInOneStream, archivesInTurn, type ServerArchive } from './archives.ts';
import { baseBackupForm, type BaseBackupRequest } from './base-backup-command.ts';
import { connectForReplication } from './replication-connection.ts';

/** Where WAL is, and on which timeline. */
export interface WalPosition {
  readonly lsn: Lsn;
  readonly timeline: number;
}

/** A tablespace outside of the data directory. */
export interface ServerTablespace {
  readonly oid: string;
  /** As the server knows it. */
  readonly location: string;
}

/** A backup that the server is making. Disposal before its end gives it up: the server stops. */
export interface BaseBackup extends AsyncDisposable {
  readonly start: WalPosition;
  readonly tablespaces: readonly ServerTablespace[];
  /** What the server expects to send. */
  readonly estimatedBytes: number;
  /** Tablespaces, the data directory, then the manifest if one was asked for; each is to be read before the next. */
  archives(): AsyncGenerator<ServerArchive, void>;
  /** After the last archive: where recovery must reach. */
  end(): Promise<WalPosition>;
}

/** What {@link startBaseBackup} needs. */
export interface BaseBackupOptions {
  /** `server_version_num`. */
  readonly version: number;
  readonly request: BaseBackupRequest;
  /** Must match the one of the server that is connected to; undefined: unknown. */
  readonly systemIdentifier: bigint | undefined;
  readonly signal: AbortSignal;
}

const cancelLimitMs = 5_000;
const failure = 'the server failed to make the backup';

/**
 * Connects for replication and starts a backup, which makes the server write a checkpoint first.
 *
 * @throws ConnectError, ArchiverError with advice on what the server lacks, ServerQueryError, ServerLostError, which also
 * is what ends everything once the signal is aborted
 */
export async function startBaseBackup(connector: Connector, options: BaseBackupOptions): Promise<BaseBackup> {
  const { version, request, signal } = options;
  const session = await connectForReplication(connector, signal);
  const backup = new StreamedBackup(session, connector, options);
  try {
    await checkIdentity(session, options.systemIdentifier);
    await backup.begin(baseBackupForm(version).command(request));
    return backup;
  } catch (error) {
    await backup[Symbol.asyncDispose]();
    throw error;
  }
}

/** A proxy or a name that leads to several machines may have connected to another server than before. */
async function checkIdentity(session: Session, expected: bigint | undefined): Promise<void> {
  const [row] = await session.query({ text: 'IDENTIFY_SYSTEM', failure: 'the server does not tell which one it is' });
  const found = BigInt(textOf(row, 'systemid'));
  if (expected === undefined || found === expected) return;
  throw new ArchiverError('config', `the connection for replication led to the cluster ${found}, not to ${expected}`, {
    hint: 'Set PGHOST to the one server that is to be backed up.',
  });
}

class StreamedBackup implements BaseBackup {
  start: WalPosition = { lsn: parseLsn('0/0'), timeline: 0 };
  tablespaces: readonly ServerTablespace[] = [];
  estimatedBytes = 0;
  readonly #session: Session;
  readonly #connector: Connector;
  readonly #options: BaseBackupOptions;
  readonly #abort: () => void;
  #messages: AsyncGenerator<StreamedMessage, void> | undefined;
  #archives: readonly (string | undefined)[] = [];
  #state: 'running' | 'ended' | 'disposed' = 'running';

  constructor(session: Session, connector: Connector, options: BaseBackupOptions) {
    this.#session = session;
    this.#connector = connector;
    this.#options = options;
    const { signal } = options;
    this.#abort = () => {
      session.destroy(new Error('the backup was given up'));
    };
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  async begin(command: string): Promise<void> {
    this.#messages = this.#session.stream({ text: command, failure });
    this.start = positionOf(await this.#rows());
    const rows = await this.#rows();
    this.#archives = rows.map((row) => optionalText(row, 'spcoid'));
    this.tablespaces = rows.flatMap((row) => {
      const oid = optionalText(row, 'spcoid');
      const location = optionalText(row, 'spclocation') ?? '';
      // A relative one is no link but a folder within pg_tblspc.
      return oid === undefined || !location.startsWith('/') ? [] : [{ oid, location }];
    });
    this.estimatedBytes = rows.reduce((sum, row) => sum + Number(optionalText(row, 'size') ?? 0) * 1024, 0);
  }

  async *archives(): AsyncGenerator<ServerArchive, void> {
    const next = () => this.#next();
    const { version, request } = this.#options;
    const archives = baseBackupForm(version).isOneStream
      ? archivesInOneStream(next)
      : archivesInTurn(next, this.#archives, request);
    for await (const { bytes, ...archive } of archives) yield { ...archive, bytes: this.#advising(bytes) };
  }

  async end(): Promise<WalPosition> {
    const end = positionOf(await this.#rows());
    try {
      // The server's verdict on checksums comes last of all.
      while ((await this.#messages?.next())?.done === false);
    } catch (error) {
      throw advised(error);
    }
    this.#state = 'ended';
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const state = this.#state;
    this.#state = 'disposed';
    if (state === 'disposed') return;
    this.#options.signal.removeEventListener('abort', this.#abort);
    if (state === 'ended') {
      await this.#session.end();
      return;
    }
    this.#session.destroy(new Error('the backup was given up'));
    // During the checkpoint the server does not notice that nobody listens any more.
    await cancelQuery(this.#session, this.#connector, cancelLimitMs).catch(() => undefined);
  }

  async #next(): Promise<StreamedMessage> {
    const next = await this.#messages?.next();
    if (next?.value === undefined) throw new CorruptError('the server ended the backup too early');
    return next.value;
  }

  async #rows(): Promise<readonly Row[]> {
    try {
      const message = await this.#next();
      if (message.kind === 'rows') return message.rows;
    } catch (error) {
      throw advised(error);
    }
    throw new CorruptError('the server answered a backup with something else than was expected');
  }

  async *#advising(bytes: ByteSource): ByteSource {
    try {
      yield* bytes;
    } catch (error) {
      throw advised(error);
    }
  }
}

function positionOf([row]: readonly Row[]): WalPosition {
  return { lsn: parseLsn(textOf(row, 'recptr')), timeline: numberOf(row, 'tli') };
}

/** With `--verify` the server ends a backup with this when a page was damaged; it has warned of each. */
function advised(error: unknown): unknown {
  if (!(error instanceof ServerQueryError) || error.sqlState !== 'XX001') return error;
  return new CorruptError(error.message, {
    cause: error,
    hint: 'The warnings above, and the log of the server, name the damaged files. Without --verify the backup is made all the same.',
  });
}
