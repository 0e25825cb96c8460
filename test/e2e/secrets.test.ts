import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandEntries } from '../../src/commands/index.ts';
import type { CliResult } from '../../testtools/cli.ts';
import { makeKey } from '../../testtools/openpgp-keys.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { giveToServer, makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

/** Every one of them is set in all runs. */
const secrets = {
  WALG_PGP_KEY_PASSPHRASE: 'Passphrase-8c1f0e',
  PGPASSWORD: 'PgPassword-77aa01',
  AWS_SECRET_ACCESS_KEY: 'AwsSecret+5d2c/9f31aa',
  AWS_SESSION_TOKEN: 'AwsToken-ee19b2',
  WALG_SSH_PASSWORD: 'SshPassword-0b77c3',
} as const;
const wrongPassphrase = 'WrongPassphrase-4e11d0';
const urlPassword = 'UrlPassword-1f90b7';
const sodiumKey = 'c0ffee5d'.repeat(8);

describe.skipIf(major === undefined)('secrets', () => {
  let rig: Rig;
  let privateKey: string;
  let lockedKey: string;
  let noted: string;
  let programs: string;
  let settings: Readonly<Record<string, string>>;
  const shown = { text: '' };
  const commandLines = new Set<string>();
  let watch: ReturnType<typeof setInterval>;

  beforeAll(async () => {
    lockedKey = (await makeKey({ passphrase: secrets.WALG_PGP_KEY_PASSPHRASE })).privateKey;
    ({ privateKey } = await makeKey());
    const encryption = { WALG_PGP_KEY: lockedKey.replaceAll('\n', '\\n') };
    // The folder of the server is not known before it runs, so what children note goes beside it.
    programs = makeServerTemp();
    noted = join(programs, 'noted');
    const hook = join(programs, 'hook.cjs');
    writeFileSync(
      hook,
      `require('node:fs').appendFileSync(${JSON.stringify(noted)}, JSON.stringify([process.argv, process.execArgv, process.title]) + '\\n');\n`,
    );
    giveToServer(programs);
    settings = { ...secrets, ...encryption, WALG_LOG_LEVEL: 'DEVEL', NODE_OPTIONS: `--require=${hook}` };
    rig = await openRig({ major: major ?? 0, environment: settings });
    watch = setInterval(noteProcesses, 20);
  });
  afterAll(async () => {
    clearInterval(watch);
    await rig[Symbol.asyncDispose]();
    rmSync(programs, { recursive: true, force: true });
  });

  /** What `ps` would show, of all processes of the machine. */
  function noteProcesses(): void {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        const line = readFileSync(join('/proc', pid, 'cmdline'), 'latin1').replaceAll('\0', ' ');
        if (line.includes('walvault')) commandLines.add(line);
      } catch {
        // It has ended.
      }
    }
  }

  /** Runs a command with all secrets in its environment, and keeps what it printed. */
  async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    const result = await rig.cli(args, more);
    shown.text += `\n$ ${args[0] ?? ''}\n${result.stdout}\n${result.stderr}`;
    return result;
  }

  function expectNothingShown(text: string): void {
    const armored = [privateKey, lockedKey].flatMap((key) => key.split(/\r?\n/)).filter((line) => line.length > 30);
    expect(armored.length).toBeGreaterThan(10);
    const all = [...Object.values(secrets), wrongPassphrase, urlPassword, sodiumKey, ...armored];
    for (const secret of all) {
      const at = text.indexOf(secret);
      expect(at < 0 ? '' : text.slice(Math.max(0, at - 200), at + 20), 'a secret, and what stands before it').toBe('');
    }
  }

  it('are not told by commands that succeed', async () => {
    const target = join(rig.folder, 'target');
    const fetched = join(rig.folder, 'pg_wal');
    makeServerDirectory(fetched);
    await rig.archiveAll();
    const pushed = await run(['backup-push', rig.server.dataDirectory]);
    expect(pushed).toMatchObject({ status: 0 });
    expect(pushed.stderr).toMatch(/setting name=WALG_PGP_KEY value=\*\*\*/);
    expect(pushed.stderr).toMatch(/setting name=WALG_PGP_KEY_PASSPHRASE value=\*\*\*/);
    await rig.archiveAll();
    await rig.archiveAll();
    const segment = readdirSync(join(rig.storage, 'wal_005')).find((name) => /^[0-9A-F]{24}\./.test(name)) ?? '';
    const name = segment.slice(0, 24);
    for (const args of [
      ['wal-fetch', name, join(fetched, 'RECOVERYXLOG')],
      ['wal-prefetch', name, join(fetched, 'RECOVERYXLOG')],
      ['backup-list', '--detail', '--json'],
      ['backup-list', '--pretty'],
      ['backup-fetch', target, 'LATEST'],
      ['key', 'check'],
      ['key', 'check', '--json', '--all', '--backup', 'LATEST'],
      ['flags'],
      ['completion', 'bash'],
      ['--help'],
      ['--version'],
      ...commandEntries.map((entry) => [...entry.name.split(' '), '--help']),
    ]) {
      expect(await run(args), args.join(' ')).toMatchObject({ status: 0 });
    }
    const sodium = { WALG_PGP_KEY: '', WALG_PGP_KEY_PASSPHRASE: '', WALG_LIBSODIUM_KEY: sodiumKey };
    // The server archives its WAL elsewhere: not worth waiting for.
    const storage = makeServerDirectory(join(rig.folder, 'sodium'));
    const elsewhere = { ...sodium, WALG_FILE_PREFIX: storage, WALG_WAL_WAIT_TIMEOUT: '0' };
    for (const format of ['text', 'json']) {
      const given = { ...elsewhere, WALG_LOG_FORMAT: format, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };
      expect(await run(['backup-push', rig.server.dataDirectory, '--full'], given)).toMatchObject({ status: 0 });
      expect(await run(['key', 'check', '--json'], given)).toMatchObject({ status: 0 });
    }
    expectNothingShown(shown.text);
    expectNothingShown(rig.server.log());
    expect(rig.server.log()).toMatch(/setting name=WALG_PGP_KEY value=\*\*\*/);
  });

  it('are not told by commands that fail', async () => {
    const folder = makeServerDirectory(join(rig.folder, 'bad'));
    const file = (name: string, content: string): string => {
      const path = join(folder, name);
      writeFileSync(path, content);
      chmodSync(path, 0o644);
      giveToServer(path);
      return path;
    };
    const segment = readdirSync(join(rig.storage, 'wal_005')).find((name) => /^[0-9A-F]{24}\./.test(name)) ?? '';
    const fetch = ['wal-fetch', segment.slice(0, 24), join(folder, 'RECOVERYXLOG')];
    const check = ['key', 'check', '--no-write'];
    const oneLine = lockedKey.replaceAll('\n', '\\n');
    const lines = lockedKey.split('\n');
    const noPgp = { WALG_PGP_KEY: '', WALG_PGP_KEY_PASSPHRASE: '' };
    const settingsFile = { WALG_PGP_KEY: oneLine, PGPASSWORD: secrets.PGPASSWORD };
    const url = `postgresql://postgres:${urlPassword}@127.0.0.1:1/x`;
    const failing: readonly (readonly [readonly string[], Readonly<Record<string, string>>])[] = [
      [['wal-push', join(folder, 'none')], {}],
      [['wal-fetch', 'F'.repeat(24), join(folder, 'x')], {}],
      [['backup-fetch', folder, 'LATEST'], {}],
      [['backup-fetch', folder, 'none'], {}],
      [['backup-push', folder], {}],
      [['backup-push', rig.server.dataDirectory], { PGHOST: '127.0.0.1', PGPORT: '1' }],
      [['backup-push', rig.server.dataDirectory], { PGHOST: '', DATABASE_URL: url }],
      [['backup-push', rig.server.dataDirectory], { PGHOST: '', DATABASE_URL: `${url}?nonsense=%zz` }],
      [['backup-push', rig.server.dataDirectory], { PGHOST: '', DATABASE_URL: `host=h password='${urlPassword}' x` }],
      // Passphrases and keys that are wrong, cut, damaged, or in the wrong place.
      [fetch, { WALG_PGP_KEY_PASSPHRASE: wrongPassphrase }],
      [fetch, { WALG_PGP_KEY_PASSPHRASE: '' }],
      [check, { WALG_PGP_KEY_PASSPHRASE: wrongPassphrase }],
      [check, { WALG_PGP_KEY: lines.slice(0, 9).join('\n') }],
      [check, { WALG_PGP_KEY: lines.toSpliced(4, 1, 'AAAA').join('\n') }],
      [check, { WALG_PGP_KEY: lines.toSpliced(4, 1, '%&/').join('\n') }],
      [check, { WALG_PGP_KEY: '', WALG_PGP_KEY_PATH: lockedKey }],
      [check, { WALG_PGP_KEY: '', WALG_PGP_KEY_PATH: oneLine }],
      [check, { WALG_PGP_KEY: '', WALG_PGP_KEY_PATH: file('sodium', sodiumKey) }],
      [check, { ...noPgp, WALG_LIBSODIUM_KEY: sodiumKey.slice(0, 20) }],
      [check, { ...noPgp, WALG_LIBSODIUM_KEY: sodiumKey, WALG_LIBSODIUM_KEY_TRANSFORM: 'base64' }],
      [check, { ...noPgp, WALG_LIBSODIUM_KEY: '', WALG_LIBSODIUM_KEY_PATH: sodiumKey }],
      [check, { ...noPgp, WALG_LIBSODIUM_KEY: sodiumKey, WALG_LIBSODIUM_KEY_TRANSFORM: sodiumKey }],
      [check, { ...noPgp, WALG_LIBSODIUM_KEY: sodiumKey, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' }],
      [fetch, { ...noPgp, WALG_LIBSODIUM_KEY: sodiumKey, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' }],
      [check, { ...kms(), WALG_CSE_KMS_ENDPOINT: `http://user:${urlPassword}@127.0.0.1:1` }],
      [check, { ...kms(), WALG_CSE_KMS_ENDPOINT: `ftp://user:${urlPassword}@127.0.0.1:1` }],
      // Typing errors and configuration files.
      [['key', 'check', '--walg-pgp-key-passphras', wrongPassphrase], {}],
      [['key', 'check', `--walg-pgp-key-passphras=${wrongPassphrase}`], {}],
      [['key', 'check', `--WALG_PGP_KEY_PASSPHRASE=${wrongPassphrase}`], {}],
      [['wal-push', '--config', file('broken.json', `${JSON.stringify(settingsFile).slice(0, -1)} ,}`)], noPgp],
      [['wal-push', '--config', file('broken.yaml', `A: [\nWALG_PGP_KEY: "${oneLine}`)], noPgp],
      [['wal-push', '--config', file('broken.toml', `WALG_PGP_KEY = "${secrets.PGPASSWORD}\n`)], noPgp],
      [fetch, { WALG_PGP_KEY_PASSPHRAS: wrongPassphrase, WALG_PGP_KEY_PASSPHRASE: '' }],
    ];
    for (const [index, [args, more]] of failing.entries()) {
      const { status } = await run(args, { ...more, WALG_LOG_FORMAT: index % 2 === 0 ? 'text' : 'json' });
      expect(status, `${args.join(' ')} with ${Object.keys(more).join(' ')}`).not.toBe(0);
    }
    expectNothingShown(shown.text);
  });

  it('are not in the command line of a child, nor in the environment of a foreign one', async () => {
    const gpgNotes = join(programs, 'gpg-notes');
    mkdirSync(join(programs, 'bin'), { recursive: true });
    const secretKeyFile = join(programs, 'secret.asc');
    writeFileSync(secretKeyFile, lockedKey);
    const gpg = join(programs, 'bin', 'gpg');
    writeFileSync(
      gpg,
      `#!/bin/sh\n{ echo "$0 $*"; env; } >>${gpgNotes}\ncase "$*" in\n*--export-secret-key*) cat ${secretKeyFile} ;;\n*) echo no >&2; exit 2 ;;\nesac\n`,
    );
    chmodSync(gpg, 0o755);
    giveToServer(programs);
    const byGpg = { WALG_PGP_KEY: '', WALG_GPG_KEY_ID: 'EA9984B8ACDE192B' };
    const path = { PATH: `${join(programs, 'bin')}:${process.env['PATH'] ?? ''}` };
    const segment = readdirSync(join(rig.storage, 'wal_005')).find((name) => /^[0-9A-F]{24}\./.test(name)) ?? '';
    const destination = join(rig.folder, 'by-gpg');
    expect(await run(['wal-fetch', segment.slice(0, 24), destination], { ...byGpg, ...path })).toMatchObject({
      status: 0,
    });
    expect(await run(['key', 'check'], { ...byGpg, ...path })).not.toMatchObject({ status: 0 });
    const notes = readFileSync(gpgNotes, 'utf8');
    expect(notes).toMatch(/gpg .*--export-secret-key/);
    expectNothingShown(notes);
    expectNothingShown(shown.text);

    expect(existsSync(noted)).toBe(true);
    const processes = readFileSync(noted, 'utf8');
    const prefetches = processes.split('\n').filter((line) => /"wal-prefetch".*RECOVERYXLOG/.test(line));
    expect(prefetches.length, 'ours, and the child of wal-fetch').toBeGreaterThan(1);
    expect(processes, 'the child of the server').toContain('"wal-push"');
    // What somebody types is theirs to hide.
    const own = [...processes.split('\n'), ...commandLines].filter((line) => !line.includes(wrongPassphrase));
    expect(commandLines.size).toBeGreaterThan(5);
    expectNothingShown(own.join('\n'));
  });

  function kms(): Readonly<Record<string, string>> {
    return {
      WALG_PGP_KEY: '',
      WALG_PGP_KEY_PASSPHRASE: '',
      WALG_CSE_KMS_ID: 'alias/backup',
      WALG_CSE_KMS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIAFAKE',
    };
  }
});
