import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings, type SettingSources } from '../../../src/config/load.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const knownNames = new Set(['WALG_FILE_PREFIX', 'WALG_LOG_LEVEL', 'PGHOST', 'WALG_CONFIG_PATH']);

function load(sources: Partial<SettingSources>): ReturnType<typeof loadSettings> {
  return loadSettings({ flags: new Map(), env: {}, home: undefined, knownNames, ...sources });
}

describe('loading settings', () => {
  it('prefers a flag to the environment and the environment to the file', async () => {
    await using directory = await temporaryDirectory();
    const configPath = join(directory.path, 'c.json');
    await writeFile(configPath, '{"WALG_FILE_PREFIX":"/file","walg_log_level":"DEVEL","PGHOST":"file"}');
    const { settings } = await load({
      configPath,
      flags: new Map([['WALG_FILE_PREFIX', '/flag']]),
      env: { WALG_FILE_PREFIX: '/env', PGHOST: 'env', WALG_LOG_LEVEL: '' },
    });
    expect(settings.get('WALG_FILE_PREFIX')).toEqual({ text: '/flag', origin: 'flag' });
    expect(settings.get('PGHOST')).toEqual({ text: 'env', origin: 'environment' });
    expect(settings.get('WALG_LOG_LEVEL')).toEqual({ text: 'DEVEL', origin: 'file' });
    expect(settings.get('WALG_NOTHING')).toBeUndefined();
  });

  it('gives child processes what is in effect, and the rest of the environment', async () => {
    await using directory = await temporaryDirectory();
    const configPath = join(directory.path, 'c.env');
    await writeFile(configPath, 'PGHOST=file\nWALG_LOG_LEVEL=ERROR\n');
    const { settings } = await load({
      configPath,
      flags: new Map([['WALG_FILE_PREFIX', '/flag']]),
      env: { PATH: '/bin', PGHOST: 'env', WALG_LOG_LEVEL: '', WALG_FILE_PREFIX: '/env' },
    });
    expect(settings.toEnvironment()).toEqual({
      PATH: '/bin',
      PGHOST: 'env',
      WALG_LOG_LEVEL: 'ERROR',
      WALG_FILE_PREFIX: '/flag',
    });
  });

  it('looks for --config, then WALG_CONFIG_PATH, then the home directory', async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await writeFile(join(path, '.walg.yaml'), 'PGHOST: home-yaml\n');
    await writeFile(join(path, 'env.toml'), 'PGHOST = "env"\n');
    await writeFile(join(path, 'flag.json'), '{"PGHOST":"flag"}');
    const env = { WALG_CONFIG_PATH: join(path, 'env.toml') };
    const host = async (sources: Partial<SettingSources>): Promise<string | undefined> =>
      (await load({ home: path, ...sources })).settings.get('PGHOST')?.text;
    expect(await host({ env, configPath: join(path, 'flag.json') })).toBe('flag');
    expect(await host({ env })).toBe('env');
    expect(await host({})).toBe('home-yaml');
    await writeFile(join(path, '.walg.json'), '{"PGHOST":"home-json"}');
    expect(await host({})).toBe('home-json');
  });

  it('is silent when there is no file at home', async () => {
    await using directory = await temporaryDirectory();
    expect(await load({ home: directory.path })).toMatchObject({ warnings: [], configPath: undefined });
  });

  it('goes on with a warning when a file is missing, a folder, or of no known format', async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await writeFile(join(path, 'c.ini'), '[x]\n');
    await mkdir(join(path, 'd.json'));
    for (const name of ['missing.json', 'c.ini', 'd.json']) {
      const { warnings, settings } = await load({ configPath: join(path, name), env: { PGHOST: 'env' } });
      expect(warnings, name).toHaveLength(1);
      expect(warnings[0]).toMatchObject({ message: 'configuration file not used', fields: { path: join(path, name) } });
      expect(settings.get('PGHOST')?.text).toBe('env');
    }
  });

  it('quotes nothing of a file that it cannot parse', async () => {
    await using directory = await temporaryDirectory();
    const files = {
      'c.json': '{"PGPASSWORD": hunter2}',
      'c.yaml': 'PGPASSWORD: *hunter2\n',
      'c.toml': 'PGPASSWORD = hunter2\n',
    };
    for (const [name, content] of Object.entries(files)) {
      const configPath = join(directory.path, name);
      await writeFile(configPath, content);
      const { warnings } = await load({ configPath });
      expect(warnings, name).toHaveLength(1);
      expect(JSON.stringify(warnings)).not.toContain('hunter2');
    }
  });

  it('warns of unknown names in the file, and of unknown WALG_ variables, with the nearest known name', async () => {
    await using directory = await temporaryDirectory();
    const configPath = join(directory.path, 'c.json');
    await writeFile(configPath, '{"WALG_FILE_PREFX":"/x","PGHOST":"h"}');
    const { warnings } = await load({ configPath, env: { WALG_LOGLEVEL: 'DEVEL', WALE_X: '1', HOME: '/' } });
    expect(warnings).toEqual([
      {
        message: 'unknown setting',
        fields: { name: 'WALG_FILE_PREFX', file: configPath, nearest: 'WALG_FILE_PREFIX' },
      },
      { message: 'unknown setting', fields: { name: 'WALG_LOGLEVEL', file: undefined, nearest: 'WALG_LOG_LEVEL' } },
    ]);
  });
});
