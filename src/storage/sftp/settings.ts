/** Settings of SFTP (`storages.md` 6 of the specification). */
import { integer, oneOf, path, text } from '../../config/parsers.ts';
import { optionalSetting } from '../../config/setting.ts';
import { optionalSpelled, spelled } from '../spelled-setting.ts';

/** All of them. */
export const sftpSettings = {
  port: optionalSpelled(
    'SSH_PORT',
    integer({ min: 1, max: 65_535 }),
    'Port of the server. Unset: that of the prefix (ssh://host:2222/path), else 22.',
  ),
  username: optionalSpelled(
    'SSH_USERNAME',
    text,
    'User to log in as. Unset: that of the prefix (ssh://user@host/path), else the user who runs this.',
  ),
  password: optionalSpelled('SSH_PASSWORD', text, 'Password of that user; tried after keys.', { secret: true }),
  privateKeyPath: optionalSpelled('SSH_PRIVATE_KEY_PATH', path, 'File with the private key to log in with.'),
  passphrase: optionalSpelled(
    'SSH_PRIVATE_KEY_PASSPHRASE',
    text,
    'Passphrase of that file, where it has one. (walvault only)',
    { secret: true },
  ),
  agentSocket: optionalSetting(
    'SSH_AUTH_SOCK',
    path,
    'Socket of an ssh-agent, whose keys are tried after that of the file.',
  ),
  knownHosts: optionalSpelled(
    'SSH_KNOWN_HOSTS',
    path,
    'File with the keys of known servers, as ssh keeps it. Unset: ~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts. (walvault only)',
  ),
  hostKeyCheck: spelled(
    'SSH_HOST_KEY_CHECK',
    oneOf('strict', 'accept-new', 'off'),
    'strict',
    'strict: only servers with a known key. accept-new: the key of a server not seen before is noted; a changed one is refused. off: any key, so that whoever is between can read and change everything. (walvault only)',
  ),
  timeout: spelled(
    'SSH_TIMEOUT',
    integer({ min: 1, max: 86_400 }),
    '60',
    'Longest time for logging in, and longest silence of the server while it is asked something; whole objects may take longer. (walvault only)',
    { unit: 's' },
  ),
};
