/** One client of `binlog-server`: its login, its questions, its dump. */
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { PacketLine } from '../../server/packets.ts';
import { answerTo, silentClient, withStatement } from './answers.ts';
import { dumpCommands, parseDumpRequest, type DumpRequest } from './dump-request.ts';
import { logIn, type LoginOptions } from './login.ts';
import { errorPacket, okPacket, resultSet } from './responses.ts';

/** What a client is served by. */
export interface ReplicaConnectionOptions extends LoginOptions {
  readonly line: PacketLine;
  readonly serverId: number;
  /** Sends the events; resolves when there is no more to do for the client. */
  readonly dump: (line: PacketLine, request: DumpRequest) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const commands = { quit: 0x01, useDatabase: 0x02, query: 0x03, ping: 0x0e, registerReplica: 0x15 } as const;
const unknownCommand = 1047;

/** Talks with a client until it leaves. @throws CorruptError, ArchiverError (`usage`), the connection's errors; what `dump` throws */
export async function serveReplica(options: ReplicaConnectionOptions): Promise<void> {
  const { line, logger, clock } = options;
  if (!(await logIn(line, options))) {
    logger.warn('a client was refused: wrong user or password');
    return;
  }
  let state = silentClient;
  for (;;) {
    const packet = await line.read();
    const command = packet?.payload[0];
    if (packet === undefined || command === commands.quit) return;
    if (command === commands.query) {
      const statement = Buffer.from(packet.payload.subarray(1)).toString('utf8');
      logger.debug('a client asks', { statement });
      state = withStatement(state, statement);
      const answer = answerTo(statement, { ...options, now: clock.now() });
      await send(line, answer === undefined ? [okPacket] : resultSet(answer.columns, [answer.row]));
    } else if (command === dumpCommands.byPosition || command === dumpCommands.byGtids) {
      await options.dump(line, parseDumpRequest(packet.payload, state));
      return;
    } else {
      const isKnown =
        command === commands.ping || command === commands.useDatabase || command === commands.registerReplica;
      await send(line, [isKnown ? okPacket : errorPacket(unknownCommand, '08S01', 'Unknown command')]);
    }
  }
}

async function send(line: PacketLine, payloads: readonly Uint8Array[]): Promise<void> {
  let sequence = 1;
  for (const payload of payloads) sequence = await line.write(payload, sequence);
}
