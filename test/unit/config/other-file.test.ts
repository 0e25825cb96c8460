import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadOtherFile } from '../../../src/config/other-file.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const knownNames = new Set(['WALG_FILE_PREFIX', 'AWS_REGION', 'WALG_LIBSODIUM_KEY']);
const run = rawSettings({
  WALG_FILE_PREFIX: '/run',
  WALG_LIBSODIUM_KEY: 'key of the run',
  WALE_S3_PREFIX: 's3://run',
  AWS_REGION: 'region of the run',
  HOME: '/home/run',
});

describe('the settings of another configuration file', () => {
  it('are those of the file, and of the run what belongs to the machine', async () => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, 'other.json');
    writeFileSync(path, '{"walg_file_prefix":"/other","aws_region":"region of the file"}');
    const { settings, configPath, warnings } = await loadOtherFile(path, { settings: run, knownNames });
    expect([configPath, warnings]).toEqual([path, []]);
    expect(settings.get('WALG_FILE_PREFIX')).toEqual({ text: '/other', origin: 'file' });
    expect(settings.get('AWS_REGION')?.text).toBe('region of the file');
    expect(settings.get('HOME')?.text).toBe('/home/run');
    for (const name of ['WALG_LIBSODIUM_KEY', 'WALE_S3_PREFIX']) expect(settings.get(name)).toBeUndefined();
    expect(settings.toEnvironment()).toEqual({
      WALG_FILE_PREFIX: '/other',
      AWS_REGION: 'region of the file',
      HOME: '/home/run',
    });
  });

  it('tell of names that mean nothing', async () => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, 'other.yaml');
    writeFileSync(path, 'WALG_FILE_PREFX: /other\n');
    const { warnings } = await loadOtherFile(path, { settings: run, knownNames });
    expect(warnings).toEqual([
      { message: 'unknown setting', fields: { name: 'WALG_FILE_PREFX', file: path, nearest: 'WALG_FILE_PREFIX' } },
    ]);
  });

  it.each([
    ['missing.json', undefined],
    ['broken.json', '{"WALG_LIBSODIUM_KEY": "secret" '],
    ['list.json', '[]'],
    ['unknown.format', 'WALG_FILE_PREFIX=/x'],
  ])('are refused of %s, without a word of what is in it', async (name, text) => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, name);
    if (text !== undefined) writeFileSync(path, text);
    const loading = loadOtherFile(path, { settings: run, knownNames });
    await expect(loading).rejects.toMatchObject({
      kind: 'config',
      message: expect.not.stringContaining('secret') as string,
    });
  });
});
