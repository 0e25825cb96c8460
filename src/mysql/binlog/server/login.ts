/** How a client logs in: the greeting, and `mysql_native_password`. The server's side of the client/server protocol. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CorruptError } from '../../../errors.ts';
import type { PacketLine } from '../../server/packets.ts';
import { errorPacket, okPacket } from './responses.ts';

/** Who may log in, and what the server says it is. */
export interface LoginOptions {
  readonly user: string;
  readonly password: string;
  readonly version: string;
  readonly connectionId: number;
}

const plugin = 'mysql_native_password';

const flags = {
  longPassword: 0x1,
  longFlag: 0x4,
  connectWithDatabase: 0x8,
  protocol41: 0x200,
  transactions: 0x2000,
  secureConnection: 0x8000,
  pluginAuth: 0x80000,
  lengthEncodedAnswer: 0x200000,
} as const;
const offered = Object.values(flags).reduce((all, flag) => all | flag, 0);

const scrambleBytes = 20;
const accessDenied = 1045;

/** Greets, and asks for the password. @returns whether the client may stay @throws CorruptError */
export async function logIn(line: PacketLine, options: LoginOptions): Promise<boolean> {
  const scramble = newScramble();
  await line.write(greeting(options, scramble), 0);
  const packet = await line.read();
  if (packet === undefined) return false;
  const response = parseResponse(Buffer.from(packet.payload));
  let sequence = packet.sequence + 1;
  let { answer } = response;
  if (response.plugin !== undefined && response.plugin !== plugin) {
    sequence = await line.write(
      Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0`), scramble, Buffer.from([0])]),
      sequence,
    );
    const second = await line.read();
    if (second === undefined) return false;
    answer = Buffer.from(second.payload);
    sequence = second.sequence + 1;
  }
  const isKnown = response.user === options.user && isRight(answer, options.password, scramble);
  const text = `Access denied for user '${response.user}' (using password: ${answer.length > 0 ? 'YES' : 'NO'})`;
  await line.write(isKnown ? okPacket : errorPacket(accessDenied, '28000', text), sequence);
  return isKnown;
}

/** Clients take a NUL for its end. */
function newScramble(): Buffer {
  return randomBytes(scrambleBytes).map((byte) => (byte % 127) + 1) as Buffer;
}

function greeting({ version, connectionId }: LoginOptions, scramble: Buffer): Buffer {
  const fixed = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10);
  fixed.writeUInt32LE(connectionId, 0);
  scramble.copy(fixed, 4, 0, 8);
  fixed.writeUInt16LE(offered & 0xffff, 13);
  fixed.writeUInt8(33, 15);
  fixed.writeUInt16LE(2, 16);
  fixed.writeUInt16LE(offered >>> 16, 18);
  fixed.writeUInt8(scrambleBytes + 1, 20);
  const nul = Buffer.from([0]);
  const ends = [fixed, scramble.subarray(8), nul, Buffer.from(`${plugin}\0`)];
  return Buffer.concat([Buffer.from([10]), Buffer.from(`${version}\0`), ...ends]);
}

interface LoginResponse {
  readonly user: string;
  readonly answer: Buffer;
  readonly plugin: string | undefined;
}

function parseResponse(payload: Buffer): LoginResponse {
  const capabilities = payload.length >= 32 ? payload.readUInt32LE(0) : 0;
  const has = (flag: number): boolean => (capabilities & offered & flag) !== 0;
  if (!has(flags.protocol41)) throw new CorruptError('the client speaks another protocol, or wants TLS');
  let at = 32;
  const textUntilNul = (): string => {
    const end = payload.indexOf(0, at);
    if (end < 0) throw new CorruptError('the login of the client is cut off');
    const text = payload.toString('utf8', at, end);
    at = end + 1;
    return text;
  };
  const user = textUntilNul();
  const length = payload[at] ?? 0;
  const answer = payload.subarray(at + 1, at + 1 + length);
  at += 1 + length;
  if (has(flags.connectWithDatabase)) textUntilNul();
  return { user, answer, plugin: has(flags.pluginAuth) && at < payload.length ? textUntilNul() : undefined };
}

function sha1(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The client sends the password's hash, hidden under one that only who knows the hash of the hash can make. */
function isRight(answer: Buffer, password: string, scramble: Buffer): boolean {
  if (password === '') return answer.length === 0;
  const once = sha1(Buffer.from(password));
  const mask = sha1(scramble, sha1(once));
  const expected = once.map((byte, index) => byte ^ (mask[index] ?? 0));
  return answer.length === expected.length && timingSafeEqual(answer, expected);
}
