/** What the settings of SFTP amount to. Nothing is asked of anybody here. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { readSetting, readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { checkPrefix } from '../key.ts';
import { parseStoragePrefix } from '../prefix.ts';
import { storageSettings } from '../settings.ts';
import { sftpSettings } from './settings.ts';

/** Where the storage is, and how to log in. */
export interface SftpConfig {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Absolute path of the root on the server, without a slash at its end: '' = `/`. */
  readonly root: string;
  /** For messages: `ssh://host/path`. */
  readonly location: string;
  readonly password: string | undefined;
  readonly privateKeyPath: string | undefined;
  readonly passphrase: string | undefined;
  readonly agentSocket: string | undefined;
  /** Files with known keys; a new one goes to the first. */
  readonly knownHosts: readonly string[];
  readonly hostKeyCheck: 'strict' | 'accept-new' | 'off';
  /** For logging in, and for each answer. */
  readonly timeoutMs: number;
}

/** What the configuration depends on besides. */
export interface SftpConfigOptions {
  readonly logger: Logger;
  /** Default: that of the user. */
  readonly home?: string;
}

/**
 * Reads the settings.
 *
 * @throws ArchiverError (`config`) naming the setting that cannot be used
 */
export function sftpConfig(raw: RawSettings, { logger, home = homedir() }: SftpConfigOptions): SftpConfig {
  const { port: ownPort, timeout, ...given } = readSettings(sftpSettings, raw);
  const text = readSetting(storageSettings.sshPrefix, raw);
  const { env } = storageSettings.sshPrefix;
  if (text === undefined) {
    throw new ArchiverError('config', `${env} is not set`, { hint: 'Set it to ssh://host/path.' });
  }
  const { authority, path } = parseStoragePrefix(text, env, logger);
  checkPrefix(path);
  const [, user, bracketed, plain, urlPort] =
    /^(?:([^@:]+)@)?(?:\[([0-9a-f:.%a-z]+)\]|([^@:[\]]+))(?::(\d{1,5}))?$/i.exec(authority) ?? [];
  const host = bracketed ?? plain;
  const port = ownPort ?? Number(urlPort ?? 22);
  if (host === undefined || port < 1 || port > 65_535) {
    // What stands there may be a password.
    throw new ArchiverError('config', `invalid value of ${env}: it does not name a host`, {
      hint: 'Write ssh://host/path; user, password and port have settings of their own: SSH_USERNAME, SSH_PASSWORD, SSH_PORT.',
    });
  }
  if (given.password === undefined && given.privateKeyPath === undefined && given.agentSocket === undefined) {
    throw new ArchiverError('config', `nothing to log in with at ${host}`, {
      hint: 'Set SSH_PRIVATE_KEY_PATH, or SSH_PASSWORD, or run an ssh-agent and set SSH_AUTH_SOCK.',
    });
  }
  const shownHost = bracketed === undefined ? host : `[${host}]`;
  const atHome = (file: string): string => (file.startsWith('~/') ? join(home, file.slice(2)) : file);
  return {
    host,
    port,
    username: given.username ?? user ?? userInfo().username,
    root: path === '' ? '' : `/${path}`,
    location: `ssh://${shownHost}${port === 22 ? '' : `:${port}`}/${path}`,
    password: given.password,
    privateKeyPath: given.privateKeyPath === undefined ? undefined : atHome(given.privateKeyPath),
    passphrase: given.passphrase,
    agentSocket: given.agentSocket,
    knownHosts:
      given.knownHosts === undefined
        ? [join(home, '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts']
        : [atHome(given.knownHosts)],
    hostKeyCheck: given.hostKeyCheck,
    timeoutMs: timeout * 1_000,
  };
}
