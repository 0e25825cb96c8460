import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { swiftConfig, type SwiftConfig } from '../../../../src/storage/swift/config.ts';
import { namedBy } from '../../../../src/storage/swift/large-object.ts';
import { newSegmentFolder, ownerOfSegment, segmentName } from '../../../../src/storage/swift/segment-names.ts';

const named = { OS_USERNAME: 'me', OS_PASSWORD: 'hushhush' };

function config(settings: Readonly<Record<string, string>>): SwiftConfig {
  return swiftConfig(rawSettings({ WALG_SWIFT_PREFIX: 'swift://box/a/b', ...settings }), { logger: silentLogger });
}

describe('the settings of Swift', () => {
  it('say where things are', () => {
    expect(config({ OS_AUTH_URL: 'https://host:5000/v3/', ...named })).toMatchObject({
      container: 'box',
      segmentContainer: 'box_segments',
      prefix: 'a/b',
      location: 'swift://box/a/b',
      attempts: 4,
      segmentBytes: 32 * 1024 ** 2,
      deadlines: { connectMs: 10_000, answerMs: 60_000, idleMs: 60_000 },
    });
  });

  it.each([
    ['https://host/v3', {}, 3, 'https://host/v3'],
    ['https://host/identity/v2.0/', {}, 2, 'https://host/identity/v2.0'],
    ['https://host/auth/v1.0', {}, 1, 'https://host/auth/v1.0'],
    ['https://host:5000', { ST_AUTH_VERSION: '3' }, 3, 'https://host:5000/v3'],
    ['https://host:5000/', { OS_IDENTITY_API_VERSION: '2.0' }, 2, 'https://host:5000/v2.0'],
    ['https://host/auth', { WALE_ST_AUTH_VERSION: '1' }, 1, 'https://host/auth'],
  ])('tell the version of the login at %s', (url, more, version, authUrl) => {
    expect(config({ OS_AUTH_URL: url, ...named, ...more }).login).toMatchObject({ version, authUrl });
  });

  it('take those of version 1 before the others', () => {
    const { login } = config({
      ...{ OS_AUTH_URL: 'https://host/v3', ...named },
      ...{ ST_AUTH: 'https://old/v1.0', ST_USER: 'a:b', ST_KEY: 'k' },
    });
    expect(login).toMatchObject({ version: 1, authUrl: 'https://old/v1.0', user: { name: 'a:b' }, password: 'k' });
  });

  it('give domains where none are set, and to the project that of the user', () => {
    const url = { OS_AUTH_URL: 'https://host/v3', OS_TENANT_NAME: 'p', ...named };
    expect(config(url).login.user.domain).toEqual({ name: 'Default' });
    expect(config({ ...url, OS_USER_DOMAIN_ID: 'd' }).login.project).toMatchObject({ name: 'p', domain: { id: 'd' } });
    const both = { ...url, OS_PROJECT_NAME: 'q', OS_PROJECT_DOMAIN_NAME: 'e' };
    expect(config(both).login.project).toMatchObject({ name: 'q', domain: { name: 'e' } });
  });

  it.each([
    [{ ...named }, 'OS_AUTH_URL is not set'],
    [{ OS_AUTH_URL: 'https://host/auth', ...named }, 'cannot tell how to log in'],
    [{ OS_AUTH_URL: 'host:5000/v3', ...named }, 'OS_AUTH_URL'],
    [{ OS_AUTH_URL: 'https://me:hushhush@host/v3', ...named }, 'OS_AUTH_URL'],
    [{ OS_AUTH_URL: 'https://host/v3', OS_USERNAME: 'me' }, 'OS_PASSWORD is not set'],
    [{ ST_AUTH: 'https://host/v1.0', ST_KEY: 'hushhush' }, 'ST_USER or OS_USERNAME is not set'],
    [
      { OS_AUTH_URL: 'https://host/v3', OS_APPLICATION_CREDENTIAL_ID: 'x' },
      'OS_APPLICATION_CREDENTIAL_SECRET is not set',
    ],
    [{ OS_AUTH_URL: 'https://host/v3', ...named, OS_ENDPOINT_TYPE: 'private' }, 'OS_ENDPOINT_TYPE'],
    [{ OS_AUTH_URL: 'https://host/v3', ...named, ST_AUTH_VERSION: '4' }, 'ST_AUTH_VERSION'],
    [{ OS_AUTH_URL: 'https://host/v3', ...named, OS_CACERT: '/none' }, 'CA file'],
    [{ OS_AUTH_URL: 'https://host/v3', ...named, GOSWIFT_TIMEOUT: 'soon' }, 'GOSWIFT_TIMEOUT'],
  ] as const)('that cannot be used are told by name: %j', (settings, words) => {
    let error: unknown;
    try {
      config(settings);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ kind: 'config', message: expect.stringContaining(words) as string });
    expect((error as Error).message).not.toContain('hushhush');
  });

  it('need no login where token and URL are given', () => {
    const { login } = config({ OS_STORAGE_URL: 'https://host/v1/AUTH_x/', OS_AUTH_TOKEN: 't' });
    expect(login).toMatchObject({ authUrl: undefined, storageUrl: 'https://host/v1/AUTH_x', token: 't' });
  });
});

describe('names of segments', () => {
  const clock = { now: () => new Date('2026-11-21T03:04:58.378Z') };
  it('say whose they are', () => {
    for (const name of ['b', 'a/b/c.tar.lz4', 'ünïcödé/日本語 🐘', 'a/.walvault/x']) {
      const folder = newSegmentFolder(name, clock);
      expect(ownerOfSegment(segmentName(folder, 12_345_678))).toEqual({ name, folder });
      expect(newSegmentFolder(name, clock)).not.toBe(folder);
    }
  });

  it('are not those of others', () => {
    for (const name of [
      'a/slo/1.5/2/3/00000000',
      'a/.walvault/00000000',
      '/.walvault/20261121T030458Z-0123456789abcdef/00000000',
    ])
      expect(ownerOfSegment(name)).toBeUndefined();
  });

  it('are not longer than Swift takes', () => {
    expect(() => newSegmentFolder('x'.repeat(1_000), clock)).toThrow('too long');
  });
});

describe('the header of a dynamic large object', () => {
  it('names a container and how names begin', () => {
    expect(namedBy('the%20box/a/b%2Fc')).toEqual({ container: 'the box', prefix: 'a/b/c' });
    expect(namedBy('/box/')).toEqual({ container: 'box', prefix: '' });
    for (const text of ['box', '/', '%zz/a']) expect(namedBy(text)).toBeUndefined();
  });
});
