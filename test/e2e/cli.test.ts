import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { walvaultPath } from '../../testtools/cli.ts';
import { temporaryDirectory } from '../../testtools/temp.ts';

const root = resolve(import.meta.dirname, '..', '..');
const library = join(dirname(walvaultPath), 'lib');
const segment = '000000010000000000000001';

interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with nothing in its environment but what is given. */
function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const { status, signal, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8', cwd: '/' });
  return { status, signal, stdout, stderr };
}

describe('the launcher', () => {
  const version = /^walvault version \d+\.\d+\.\d+\t\S+\t\S+\tPostgreSQL, MySQL\n$/;

  it('needs no PATH and no home that can be written to', () => {
    for (const env of [{}, { PATH: '' }, { HOME: '/nonexistent' }, { PATH: '/nonexistent', HOME: '/proc' }]) {
      expect(run(walvaultPath, ['--version'], env)).toMatchObject({ status: 0, stderr: '' });
    }
    expect(run(walvaultPath, ['-v']).stdout).toMatch(version);
  });

  it('finds its files when it is called by links, relative ones and links to links, from anywhere', async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await mkdir(join(path, 'a b'));
    await symlink(walvaultPath, join(path, 'a b', 'first'));
    await symlink('a b/first', join(path, 'second'));
    expect(run(join(path, 'a b', 'first'), ['--version']).stdout).toMatch(version);
    expect(run(join(path, 'second'), ['--version']).stdout).toMatch(version);
    const inPath = spawnSync('second', ['--version'], { env: { PATH: path }, encoding: 'utf8', cwd: path });
    expect(inPath.stdout).toMatch(version);
    const relative = spawnSync('./second', ['--version'], { env: {}, encoding: 'utf8', cwd: path });
    expect(relative.stdout).toMatch(version);
  });

  it('says what is missing when its files are gone', async () => {
    await using directory = await temporaryDirectory();
    const alone = join(directory.path, 'walvault');
    await cp(walvaultPath, alone);
    expect(run(alone, ['--version'])).toMatchObject({
      status: 127,
      stderr: expect.stringContaining('its files are missing') as string,
    });
  });

  it('hands over every argument as it is', () => {
    const { stdout } = run(walvaultPath, ['backup-list', "a 'b'", '', '$HOME', '*', 'x\ny']);
    expect(stdout).toBe(`Unknown arguments: a 'b', "", $HOME, *, x; y\n`);
  });
});

describe('make install', () => {
  it('puts a program of its own under PREFIX, with the name wal-g when asked', async () => {
    await using directory = await temporaryDirectory();
    const script = join(root, 'scripts', 'install.sh');
    execFileSync('sh', [script, dirname(walvaultPath), directory.path, '/opt/x', '1']);
    execFileSync('sh', [script, dirname(walvaultPath), directory.path, '/opt/x', '']);
    const bin = join(directory.path, 'opt', 'x', 'bin');
    expect(readdirSync(bin).sort()).toEqual(['wal-g', 'walvault']);
    expect(readdirSync(join(bin, '..', 'lib'))).toEqual(['walvault']);
    expect(run(join(bin, 'walvault'), ['--version'])).toMatchObject({ status: 0 });
    expect(run(join(bin, 'wal-g'), ['--version']).stdout).toMatch(/^wal-g version /);
  });
});

describe('the command line', () => {
  // That every command has such a help is for the unit tests to say.
  it('gives help without arguments, and to a command', () => {
    expect(run(walvaultPath, [])).toMatchObject({ status: 0, stderr: '' });
    const { stdout } = run(walvaultPath, ['--help']);
    const commands = [...stdout.matchAll(/^ {2}walvault ([a-z -]+?)(?: [<[]| {2}|$)/gm)].map((match) => match[1] ?? '');
    expect(commands).toEqual(expect.arrayContaining(['backup-push', 'key check']));
    for (const command of ['backup-push', 'key check', 'wal-push']) {
      const help = run(walvaultPath, [...command.split(' '), '--help']);
      expect(help, command).toMatchObject({ status: 0, stderr: '' });
      expect(help.stdout, command).toMatch(/Examples:[^]*Exit statuses:/);
    }
  });

  it('tells bad usage on stderr with the usage, and the message once on stdout', async () => {
    const wrong = run(walvaultPath, ['bakcup-push']);
    expect(wrong).toMatchObject({ status: 64, stdout: 'unknown command "bakcup-push"; did you mean "backup-push"?\n' });
    expect(wrong.stderr).toMatch(/^Error: unknown command [^]*Usage: walvault <command>/);

    await using directory = await temporaryDirectory();
    const link = join(directory.path, 'wal-g');
    await symlink(walvaultPath, link);
    expect(run(link, ['bakcup-push']).status).toBe(1);
    expect(run(link, ['help', 'wal-push']).stdout).toContain('Usage: wal-g wal-push');
  });

  it('refuses an invalid setting that the command does not use, naming it', () => {
    const result = run(walvaultPath, ['backup-list'], { WALG_FILE_PREFIX: '/', WALG_TAR_SIZE_THRESHOLD: 'big' });
    expect(result).toMatchObject({ status: 78, stdout: '' });
    expect(result.stderr).toContain('invalid value of WALG_TAR_SIZE_THRESHOLD: "big"');
  });

  it('stops a recovering server whose restore_command is written wrong', async () => {
    await using directory = await temporaryDirectory();
    const fetch = (): number | null =>
      spawnSync(walvaultPath, ['wal-fetch', segment], { cwd: directory.path, env: {} }).status;
    await mkdir(join(directory.path, 'global'));
    await writeFile(join(directory.path, 'PG_VERSION'), '17\n');
    await writeFile(join(directory.path, 'global', 'pg_control'), '');
    expect(fetch()).toBe(64);
    await writeFile(join(directory.path, 'recovery.signal'), '');
    expect(fetch()).toBe(200);
  });

  it('lists every setting, and completes', () => {
    expect(run(walvaultPath, ['flags']).stdout).toContain('--walg-file-prefix');
    for (const shell of ['bash', 'zsh']) {
      expect(run(walvaultPath, ['completion', shell]), shell).toMatchObject({ status: 0 });
    }
    expect(run(walvaultPath, ['completion', 'fish'])).toMatchObject({ status: 64 });
  });

  it('takes settings from flags before and behind the command, over the environment, over the file', async () => {
    await using directory = await temporaryDirectory();
    const archive = join(directory.path, 'archive');
    await mkdir(archive);
    const files = {
      'c.json': `{"WALG_FILE_PREFIX": "${archive}", "WALG_NONSENSE": 1}`,
      'c.yaml': `WALG_FILE_PREFIX: ${archive}\nWALG_NONSENSE: 1\n`,
      'c.toml': `WALG_FILE_PREFIX = "${archive}"\nWALG_NONSENSE = 1\n`,
      'c.env': `WALG_FILE_PREFIX=${archive}\nWALG_NONSENSE=1\n`,
    };
    for (const [name, content] of Object.entries(files)) {
      const config = join(directory.path, name);
      await writeFile(config, content);
      const listed = run(walvaultPath, ['--config', config, 'backup-list', '--json']);
      expect(listed, name).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\[\]\n?$/) as string });
      expect(listed.stderr, name).toMatch(/WARNING: .* unknown setting name=WALG_NONSENSE/);
    }
    const env = { WALG_CONFIG_PATH: join(directory.path, 'c.json'), WALG_FILE_PREFIX: join(directory.path, 'none') };
    expect(run(walvaultPath, ['backup-list'], env).status).not.toBe(0);
    expect(run(walvaultPath, ['backup-list', '--walg-file-prefix', archive], env).status).toBe(0);
  });

  it('refuses a wrong setting by name, and masks secrets in the log', async () => {
    await using directory = await temporaryDirectory();
    expect(run(walvaultPath, ['backup-list'], { WALG_LOG_LEVEL: 'LOUD' })).toMatchObject({
      status: 78,
      stderr: expect.stringContaining('invalid value of WALG_LOG_LEVEL: "LOUD"') as string,
    });
    const env = {
      WALG_FILE_PREFIX: directory.path,
      WALG_LOG_LEVEL: 'DEVEL',
      PGPASSWORD: 'hunter2',
      WALG_PGP_KEY: 'hunter2',
    };
    const { stderr } = run(walvaultPath, ['backup-list'], env);
    expect(stderr).toMatch(/DEBUG: .* setting name=WALG_PGP_KEY value=\*\*\*/);
    expect(stderr).not.toContain('hunter2');
  });

  it('logs JSON, and to a file, when asked', async () => {
    await using directory = await temporaryDirectory();
    const log = join(directory.path, 'log');
    const env = { WALG_FILE_PREFIX: directory.path, WALG_LOG_FORMAT: 'json', WALG_LOG_DESTINATION: log };
    expect(run(walvaultPath, ['backup-list'], env)).toMatchObject({ status: 0, stderr: '' });
    for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ level: 'info', message: expect.any(String) as string });
    }
  });

  it('is quiet when whoever reads its output has gone', () => {
    const { stdout, stderr } = run('/bin/sh', ['-c', `'${walvaultPath}' flags | exit 0`]);
    expect(stdout + stderr).toBe('');
  });
});

describe('the hot commands', () => {
  it('load no library and nothing of Node that they can do without', async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await mkdir(join(path, 'archive'));
    await mkdir(join(path, 'pg_wal'));
    await writeFile(join(path, 'pg_wal', segment), Buffer.alloc(16 * 1024 * 1024));
    const report = join(path, 'loaded.json');
    const hook = join(path, 'hook.cjs');
    await writeFile(
      hook,
      `const before = new Set(process.moduleLoadList);
      process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify({
        files: Object.keys(require.cache), builtins: process.moduleLoadList.filter((name) => !before.has(name)) })));`,
    );
    const env = {
      NODE_OPTIONS: `--require=${hook}`,
      WALG_FILE_PREFIX: join(path, 'archive'),
      WALG_WAL_CHECK: 'off',
      WALG_DOWNLOAD_CONCURRENCY: '1',
    };
    for (const args of [
      ['wal-push', join(path, 'pg_wal', segment)],
      ['wal-fetch', segment, join(path, 'pg_wal', 'RECOVERYXLOG')],
    ]) {
      expect(run(walvaultPath, args, env), args.join(' ')).toMatchObject({ status: 0 });
      const { files, builtins } = JSON.parse(readFileSync(report, 'utf8')) as { files: string[]; builtins: string[] };
      expect(files.filter((file) => file !== hook)).toEqual([join(library, 'main.js')]);
      expect(builtins.join('\n')).not.toMatch(
        /NativeModule (?:net|tls|http|https|crypto|worker_threads|perf_hooks|fs\/promises|readline)\b/,
      );
    }
  });

  it('start from the code cache', () => {
    const script = `
      const { readFileSync } = require('node:fs');
      const { Script } = require('node:vm');
      const [folder] = process.argv.slice(1);
      const script = new Script(readFileSync(folder + '/program.js', 'utf8'), {
        filename: folder + '/program.js', cachedData: readFileSync(folder + '/program.cache') });
      process.stdout.write(String(script.cachedDataRejected));`;
    expect(run(join(library, 'node'), ['-e', script, library]).stdout).toBe('false');
  });
});

describe('a signal', () => {
  /** Starts to archive a file that takes a while, and waits until its object is being written. */
  async function busyPush(path: string, wrapper: readonly string[] = []): Promise<ReturnType<typeof spawn>> {
    const archive = join(path, 'archive');
    await mkdir(archive);
    const source = join(path, 'big');
    await writeFile(source, '');
    await truncate(source, 20 * 1024 ** 3);
    const [program = '', ...args]: readonly string[] = [...wrapper, walvaultPath, 'wal-push', source];
    const env = { PATH: '/usr/bin:/bin', WALG_FILE_PREFIX: archive, WALG_WAL_CHECK: 'off' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const folder = join(archive, 'wal_005');
    while (!existsSync(folder) || readdirSync(folder).length === 0) {
      if (child.exitCode !== null) throw new Error('ended too early');
      await delay(20);
    }
    return child;
  }

  function ended(child: ReturnType<typeof spawn>): Promise<Run> {
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((settle) => {
      child.on('close', (status, signal) => {
        settle({ status, signal, stdout: '', stderr });
      });
    });
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
    '%s stops the work, which cleans up, and ends the process as it would have',
    async (name) => {
      await using directory = await temporaryDirectory();
      const child = await busyPush(directory.path);
      const end = ended(child);
      child.kill(name);
      const { status, signal, stderr } = await end;
      expect({ status, signal }).toEqual({ status: null, signal: name });
      expect(stderr).toMatch(new RegExp(`ERROR: .* interrupted by ${name}\\n$`));
      expect(readdirSync(join(directory.path, 'archive'), { recursive: true })).toEqual([]);
    },
  );

  it('that nohup ignores stays ignored', async () => {
    await using directory = await temporaryDirectory();
    const child = await busyPush(directory.path, ['nohup']);
    const end = ended(child);
    child.kill('SIGHUP');
    await delay(300);
    expect(child.exitCode ?? child.signalCode).toBeNull();
    child.kill('SIGTERM');
    expect((await end).signal).toBe('SIGTERM');
  });
});
