/**
 * `binlog-server`: the archive as a source that a restored server replicates from, until it has everything up to the target
 * (`mysql.md` 13 of the specification; for MariaDB, too).
 */
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { ArchiverError, codeOf, messageOf } from '../../../errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import { PacketLine } from '../../server/packets.ts';
import type { MysqlServer } from '../../server/server.ts';
import { readEvents } from '../events/read-events.ts';
import { readFormatDescription } from '../events/format-description.ts';
import type { BinlogRange } from '../range/plan.ts';
import { Dump } from './dump.ts';
import type { DumpRequest } from './dump-request.ts';
import { serveReplica } from './replica-connection.ts';
import { waitForReplica } from './replica-progress.ts';
import type { BinlogServerAddress } from './settings.ts';

/** What to serve, and to whom. */
export interface BinlogServerOptions {
  readonly range: BinlogRange;
  readonly address: BinlogServerAddress;
  /** Where binary logs are put on their way; undefined: the system's temporary directory. */
  readonly folder: string | undefined;
  /** Connects to the replica. */
  readonly connectReplica: () => Promise<MysqlServer>;
  /** Told when it listens. */
  readonly onListening?: ((port: number) => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What was sent to the replica that has it all now. */
export interface ServedRange {
  readonly events: number;
  readonly transactions: number;
}

/** What we say we are to replicas of MySQL; for those of MariaDB, whatever wrote the archive. */
const mysqlVersion = '5.7.42';

/**
 * Serves until a replica has executed everything, or there was nothing for it.
 *
 * @throws ArchiverError (`cannotWrite`) when the address cannot be listened on; as `stageBinlog` and `waitForReplica`
 */
export async function serveBinlogs(options: BinlogServerOptions): Promise<ServedRange> {
  const { address, logger, signal, folder = tmpdir() } = options;
  mkdirSync(folder, { recursive: true });
  const version = await versionOf(options.range, signal);
  const done = Promise.withResolvers<ServedRange>();
  const sockets = new Set<Socket>();
  let current: AbortController | undefined;

  async function dump(line: PacketLine, request: DumpRequest, socket: Socket): Promise<void> {
    // A replica that comes again has lost the connection that it had.
    current?.abort(new Error('the replica came again'));
    const own = (current = new AbortController());
    const stop = AbortSignal.any([signal, own.signal]);
    socket.once('close', () => own.abort(new Error('the replica has closed the connection')));
    logger.info('a replica asks for events', {
      serverId: request.serverId,
      binlog: request.binlog,
      position: request.position,
      executed: request.executed?.toString(),
    });
    const { serverId } = address;
    const sending = new Dump({ ...options, line, request, serverId, folder, signal: stop });
    await sending.run();
    const { events, sent } = sending;
    logger.info('everything was sent', { events, transactions: sent.transactions });
    const served = { events, transactions: sent.transactions };
    if (request.wantsEnd || events === 0) {
      done.resolve(served);
      return;
    }
    await executedBy(sending, stop, options);
    done.resolve(served);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', (error) => logger.debug('a connection broke', { reason: messageOf(error) }));
    socket.once('close', () => sockets.delete(socket));
    const line = new PacketLine(socket, 1 << 24);
    const { user, password, serverId } = address;
    const { clock } = options;
    const connectionId = sockets.size;
    const send = (_: PacketLine, request: DumpRequest): Promise<void> => dump(line, request, socket);
    serveReplica({ line, user, password, version, connectionId, serverId, clock, logger, dump: send })
      .catch((error: unknown) => {
        // What is wrong with the archive or the replica will not be better for the next connection.
        if (error instanceof ArchiverError && !signal.aborted && error.kind !== 'missing') done.reject(error);
        else logger.warn('a client is gone', { reason: messageOf(error) });
      })
      .finally(() => socket.end());
  });
  const onStop = (): void => done.reject(signal.reason);
  signal.addEventListener('abort', onStop, { once: true });
  try {
    const port = await listening(server, address);
    logger.info('serving binary logs', { host: address.host, port, binlogs: options.range.steps.length });
    options.onListening?.(port);
    signal.throwIfAborted();
    return await done.promise;
  } finally {
    signal.removeEventListener('abort', onStop);
    server.close();
    current?.abort(new Error('binlog-server ends'));
    for (const socket of sockets) socket.destroySoon();
  }
}

/** Waits for the replica, which hears from us meanwhile. */
async function executedBy(sending: Dump, signal: AbortSignal, options: BinlogServerOptions): Promise<void> {
  const { connectReplica, clock, logger } = options;
  const ending = new AbortController();
  const beating = sending.keepAlive(AbortSignal.any([signal, ending.signal]));
  try {
    await waitForReplica({ connect: connectReplica, sent: sending.sent, clock, logger, signal });
  } finally {
    ending.abort();
    await beating;
  }
}

async function versionOf({ steps }: BinlogRange, signal: AbortSignal): Promise<string> {
  const first = steps[0];
  if (first?.head.flavor !== 'mariadb') return mysqlVersion;
  const { name } = first.binlog;
  for await (const event of readEvents(await first.binlog.open({ signal }), { name, mayBeCut: true })) {
    // Replicas of MariaDB expect what its servers say for the sake of MySQL's.
    return `5.5.5-${readFormatDescription(event.bytes, JSON.stringify(name)).serverVersion}`;
  }
  return mysqlVersion;
}

function listening(server: ReturnType<typeof createServer>, { host, port }: BinlogServerAddress): Promise<number> {
  return new Promise((settle, fail) => {
    server.once('error', (cause) => {
      const hint = 'Check WALG_MYSQL_BINLOG_SERVER_HOST and WALG_MYSQL_BINLOG_SERVER_PORT.';
      const reason = codeOf(cause) === 'EADDRINUSE' ? 'another program listens there' : messageOf(cause);
      fail(new ArchiverError('cannotWrite', `cannot listen on ${host}:${port}: ${reason}`, { cause, hint }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      settle(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
