import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { sftpConfig, type SftpConfig } from '../../../../src/storage/sftp/config.ts';

function config(prefix: string, changes: Readonly<Record<string, string>> = {}): SftpConfig {
  const raw = rawSettings({ WALG_SSH_PREFIX: prefix, SSH_PASSWORD: 'sesame', ...changes });
  return sftpConfig(raw, { logger: silentLogger, home: '/home/me' });
}

describe('the configuration of SFTP', () => {
  it('takes the host and an absolute path from the prefix', () => {
    expect(config('ssh://backup.example.org/srv//archive/')).toMatchObject({
      host: 'backup.example.org',
      port: 22,
      username: userInfo().username,
      root: '/srv/archive',
      location: 'ssh://backup.example.org/srv/archive',
      hostKeyCheck: 'strict',
      timeoutMs: 60_000,
      knownHosts: ['/home/me/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts'],
    });
    expect(config('ssh://host').root).toBe('');
  });

  it('takes port and user from the prefix, too, unless they have settings', () => {
    expect(config('ssh://me@host:2222/a')).toMatchObject({ username: 'me', port: 2222, location: 'ssh://host:2222/a' });
    expect(config('ssh://me@host:2222/a', { WALG_SSH_PORT: '22', WALE_SSH_USERNAME: 'you' })).toMatchObject({
      username: 'you',
      port: 22,
      location: 'ssh://host/a',
    });
    expect(config('ssh://[::1]:2222/a')).toMatchObject({ host: '::1', port: 2222, location: 'ssh://[::1]:2222/a' });
  });

  it('finds files below the home of the user', () => {
    expect(config('ssh://h/a', { SSH_KNOWN_HOSTS: '~/hosts', SSH_PRIVATE_KEY_PATH: '~/.ssh/key' })).toMatchObject({
      knownHosts: ['/home/me/hosts'],
      privateKeyPath: '/home/me/.ssh/key',
    });
  });

  it.each([
    'ssh:///path',
    'host/path',
    'ssh://a:b@host/path',
    'ssh://host:0/a',
    'ssh://host:99999/a',
    'ssh://h/a/../b',
  ])('refuses %s', (prefix) => {
    expect(() => config(prefix)).toThrow();
  });

  it('prints no password that stands in the prefix', () => {
    expect(() => config('ssh://me:sesame@host/path')).toThrow(/does not name a host/);
    expect(() => config('ssh://me:sesame@host/path')).not.toThrow(/sesame/);
  });

  it('wants something to log in with', () => {
    const empty = { SSH_PASSWORD: '' };
    expect(() => config('ssh://host/a', empty)).toThrow('nothing to log in with');
    expect(config('ssh://host/a', { ...empty, SSH_AUTH_SOCK: '/run/agent' }).agentSocket).toBe('/run/agent');
  });
});
