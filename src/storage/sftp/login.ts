/** Opens a connection: finds the server, makes sure that it is the right one, logs in. */
import { connect } from 'node:net';
import type { Algorithms, ServerHostKeyAlgorithm, SFTPWrapper } from 'ssh2';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import { loginMethods } from './authentication.ts';
import type { SftpConfig } from './config.ts';
import { SftpConnection } from './connection.ts';
import { openHostKeyCheck } from './host-key.ts';

const keepaliveMs = 15_000;
const keepaliveCount = 3;

/**
 * Opens a connection.
 *
 * @throws StorageForbiddenError (key of the server, or login), StorageUnavailableError, ArchiverError (`config`)
 */
export async function logIn(
  config: SftpConfig,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<SftpConnection> {
  // CommonJS: bundled, it has nothing but its default.
  const { default: ssh2 } = await import('ssh2');
  const { host, port, username, location, timeoutMs } = config;
  const hostKey = openHostKeyCheck(config, logger);
  const methods = loginMethods(config, ssh2.utils.parseKey);
  const client = new ssh2.Client();
  // Delays would be 40 ms for each request: until the server's system acknowledges the one before.
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  let refusal: unknown;
  try {
    const sftp = await within(timeoutMs, (opened, failed) => {
      client.on('error', (error) => {
        // One of several keys in an agent: the next way to log in is tried.
        if (error.level !== 'agent') failed(refusal ?? loginError(error, config));
      });
      client.on('close', () => {
        failed(refusal ?? loginError(new Error('the server ended the connection'), config));
      });
      client.on('ready', () => {
        client.sftp((error, channel) => {
          if (error === undefined) opened(channel);
          else failed(noSftp(error, location));
        });
      });
      client.connect({
        sock: socket,
        username,
        authHandler: [...methods],
        keepaliveInterval: keepaliveMs,
        keepaliveCountMax: keepaliveCount,
        readyTimeout: timeoutMs,
        algorithms: algorithmsFor(hostKey.keyTypes),
        hostVerifier: (key: Buffer): boolean => {
          try {
            hostKey.verify(key);
            return true;
          } catch (error) {
            refusal = error;
            return false;
          }
        },
      });
    });
    client.removeAllListeners();
    return new SftpConnection({ client, sftp, socket }, { location, timeoutMs, clock });
  } catch (error) {
    client.removeAllListeners();
    client.on('error', () => undefined);
    client.end();
    socket.destroy();
    throw error;
  }

  function within(
    limitMs: number,
    start: (opened: (sftp: SFTPWrapper) => void, failed: (error: unknown) => void) => void,
  ): Promise<SFTPWrapper> {
    return new Promise((resolve, reject) => {
      const failed = (error: unknown): void => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      };
      const timer = setTimeout(() => {
        failed(loginError(new Error(`no answer for ${limitMs / 1_000} s`), config));
      }, limitMs);
      start((sftp) => {
        clearTimeout(timer);
        resolve(sftp);
      }, failed);
    });
  }
}

/** Asks first for a key of a type that is known, as ssh does: a server has several, and only one may have been noted. */
function algorithmsFor(keyTypes: readonly string[]): Algorithms {
  const known = keyTypes.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', type] : [type]));
  const usable = hostKeyAlgorithms.filter((type) => known.includes(type));
  return usable.length === 0 ? {} : { serverHostKey: [...new Set([...usable, ...hostKeyAlgorithms])] };
}

const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

function loginError(error: Error & { readonly level?: string }, { location, username, host, port }: SftpConfig): Error {
  if (error instanceof ArchiverError) return error;
  if (error.level === 'client-authentication') {
    return new StorageForbiddenError(`"${username}" could not log in at ${location}: ${error.message}`, {
      cause: error,
      hint: 'Check SSH_USERNAME, the password or key, and that the server accepts that way of logging in.',
    });
  }
  const message = `cannot connect to ${location}: ${error.message}`;
  if (/no matching/i.test(error.message)) {
    return new ArchiverError('config', message, {
      cause: error,
      hint: 'The server and this program have no algorithm in common: update the server.',
    });
  }
  return new StorageUnavailableError(message, {
    cause: error,
    hint:
      codeOf(error) === 'ENOTFOUND'
        ? `Check the name of the host: "${host}".`
        : `Check that the server runs and can be reached: "ssh -p ${port} ${host}".`,
  });
}

function noSftp(error: Error, location: string): Error {
  return new ArchiverError('config', `no files can be kept at ${location}: ${messageOf(error)}`, {
    cause: error,
    hint: 'The user can log in, but has no SFTP there: check "Subsystem sftp" in the configuration of sshd.',
  });
}
