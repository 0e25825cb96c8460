import { describe, expect, it } from 'vitest';
import { effectiveSettings } from '../../../src/config/describe.ts';
import { integer, text } from '../../../src/config/parsers.ts';
import { optionalSetting, rawSettings, readSetting } from '../../../src/config/setting.ts';
import { shownText } from '../../../src/config/shown.ts';
import { openPgpSettings, libsodiumSettings } from '../../../src/crypto/settings.ts';

const key = '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nhunter2\n-----END PGP PRIVATE KEY BLOCK-----\n';

describe('a value that is shown', () => {
  it.each([
    ['ssh://backup:hunter2@host:22/dir', 'ssh://backup:***@host:22/dir'],
    ['https://:hunter2@host', 'https://:***@host'],
    ['postgresql://u:hunter2@h1,h2/db?sslmode=require', 'postgresql://u:***@h1,h2/db?sslmode=require'],
    ['https://u:hunter2@hunter2@host/x', 'https://u:***@host/x'],
    ['host=h password=hunter2 user=u', 'host=h password=*** user=u'],
    ["password = 'hunter2 hunter2' host=h", 'password = *** host=h'],
    ['https://host/?token=hunter2&x=1', 'https://host/?token=***&x=1'],
    [key, '***'],
    ['7f3c0a51d94be26870a1f4c8e3529bd6061e8fb34d7ac25990ee13b7425dc8a4', '***'],
    ['fzwKUdlL4mhwofTI41Kb1gYej7NNesJZkO4Tt0JdyKQ=', '***'],
    ['s3://bucket/path@x:1', 's3://bucket/path@x:1'],
    ['/var/backups/a b', '/var/backups/a b'],
    ['http://[::1]:9000/x@y', 'http://[::1]:9000/x@y'],
  ])('holds no password: %s', (value, shown) => {
    expect(shownText(value)).toBe(shown);
  });

  it('is that of the list of settings, and of an error', () => {
    const endpoint = optionalSetting('WALG_ENDPOINT', text, 'Where.');
    const sections = [{ title: 'Things', groups: [{ endpoint }] }];
    const raw = rawSettings({ WALG_ENDPOINT: 'https://u:hunter2@h' });
    expect(effectiveSettings(sections, raw)).toMatchObject([{ value: 'https://u:***@h' }]);
    const port = optionalSetting('WALG_ENDPOINT', integer(), 'Where.');
    expect(() => readSetting(port, raw)).toThrow('invalid value of WALG_ENDPOINT: "https://u:***@h"');
  });
});

it('a key that was given as the path of a key is refused without being shown', () => {
  for (const [setting, value] of [
    [openPgpSettings.keyPath, key],
    [openPgpSettings.keyPath, key.replaceAll('\n', '\\n')],
    [libsodiumSettings.keyPath, '7f3c0a51d94be26870a1f4c8e3529bd6061e8fb34d7ac25990ee13b7425dc8a4\n'],
  ] as const) {
    expect(() => readSetting(setting, rawSettings({ [setting.env]: value }))).toThrow(
      `invalid value of ${setting.env}: "***"; allowed: the path of a file, not the key itself`,
    );
  }
});

it('a key that was given as the id of a key in GnuPG is refused without being shown', () => {
  for (const name of ['WALG_GPG_KEY_ID', 'WALE_GPG_KEY_ID']) {
    const reading = (): unknown => readSetting(openPgpSettings.gpgKeyId, rawSettings({ [name]: key }));
    expect(reading).toThrow(`invalid value of ${name}: ***; allowed: the id of a key in GnuPG, not the key itself`);
  }
});
