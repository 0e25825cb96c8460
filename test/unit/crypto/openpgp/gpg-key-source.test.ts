import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGpgKeySource, type GpgKeyOptions } from '../../../../src/crypto/openpgp/gpg-key-source.ts';
import { makeKey } from '../../../../testtools/openpgp-keys.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

let directory: TemporaryDirectory;
let home: string;
let programs: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  home = join(directory.path, 'home');
  programs = join(directory.path, 'bin');
  mkdirSync(home);
  mkdirSync(programs);
});
afterEach(() => directory[Symbol.asyncDispose]());

/** Puts a shell script in the place of gpg. It notes its arguments, its input and its environment. */
function installGpg(body: string): void {
  const notes = `printf '%s\\n' "$*" >>"${directory.path}/args"; cat >>"${directory.path}/input"; env >"${directory.path}/env"`;
  const path = join(programs, 'gpg');
  writeFileSync(path, `#!/bin/sh\n${notes}\n${body}\n`);
  chmodSync(path, 0o755);
}

function noted(what: 'args' | 'input' | 'env'): string {
  try {
    return readFileSync(join(directory.path, what), 'utf8');
  } catch {
    return '';
  }
}

const prints = (armored: string): string => `cat <<'END'\n${armored}\nEND`;
const cachePath = (): string => join(home, '.walg_key_cache');

function open(options: Partial<GpgKeyOptions> = {}) {
  const logger = recordingLogger();
  const environment = {
    PATH: `${programs}:${process.env['PATH'] ?? ''}`,
    WALG_PGP_KEY_PASSPHRASE: 'hunter2',
    GNUPGHOME: '/gnupg',
  };
  const source = openGpgKeySource({ keyId: 'ABC', passphrase: undefined, environment, home, logger, ...options });
  return { source, logger };
}

describe('the public key of GnuPG', () => {
  it('is exported by its id, and kept in the form of WAL-G for the next run', async () => {
    const { publicKey } = await makeKey();
    installGpg(prints(publicKey));
    const material = await open().source.publicKeys();
    expect(Buffer.from(material.bytes).toString().trim()).toBe(publicKey.trim());
    expect(noted('args')).toMatch(/ -a --export -- ABC\n$/);
    const cache = JSON.parse(readFileSync(cachePath(), 'utf8')) as Record<string, string>;
    expect(Object.keys(cache)).toEqual(['keyId', 'body']);
    expect(Buffer.from(cache['body'] ?? '', 'base64').equals(material.bytes)).toBe(true);
    expect(statSync(cachePath()).mode & 0o777).toBe(0o644);
    expect(readdirSync(home)).toEqual(['.walg_key_cache']);

    installGpg('exit 1');
    expect(Buffer.from((await open().source.publicKeys()).bytes).equals(material.bytes)).toBe(true);
    expect(noted('args').match(/\n/g)).toHaveLength(1);
  });

  it.each([
    ['others may write', () => chmodSync(cachePath(), 0o666)],
    ['the group may write', () => chmodSync(cachePath(), 0o664)],
    ['is somebody else’s', () => chownSync(cachePath(), 12_345, 12_345)],
  ])('is not taken from a cache that %s', async (what, change) => {
    // Only root can give a file away.
    if (what.startsWith('is') && process.geteuid?.() !== 0) return;
    const [planted, real] = [await makeKey(), await makeKey()];
    const body = Buffer.from(planted.publicKey).toString('base64');
    writeFileSync(cachePath(), JSON.stringify({ keyId: 'ABC', body }));
    change();
    installGpg(prints(real.publicKey));
    const { bytes } = await open().source.publicKeys();
    expect(Buffer.from(bytes).toString().trim()).toBe(real.publicKey.trim());
  });

  it.each([
    ['of another key', (body: string) => JSON.stringify({ keyId: 'ABCD', body })],
    ['without a body', () => JSON.stringify({ keyId: 'ABC', body: '' })],
    ['with a body of something else', () => JSON.stringify({ keyId: 'ABC', body: 'aHVudGVyMg==' })],
    ['that is cut', (body: string) => `{"keyId":"ABC","body":"${body.slice(0, 99)}`],
    ['that is empty', () => ''],
    ['that is no object', () => 'null'],
  ])('is exported again in spite of a cache %s, and replaces it', async (_, cached) => {
    const { publicKey } = await makeKey();
    writeFileSync(cachePath(), cached(Buffer.from(publicKey).toString('base64')));
    installGpg(prints(publicKey));
    await open().source.publicKeys();
    expect(noted('args')).not.toBe('');
    expect(JSON.parse(readFileSync(cachePath(), 'utf8'))).toMatchObject({ keyId: 'ABC' });
  });

  it('is exported where it cannot be kept', async () => {
    const { publicKey } = await makeKey();
    installGpg(prints(publicKey));
    const { source, logger } = open({ home: join(directory.path, 'nowhere') });
    expect((await source.publicKeys()).bytes.length).toBeGreaterThan(100);
    expect(logger.records.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      'keys by their id in GnuPG are deprecated',
    ]);
  });

  it('is not had, and the cache left alone, when gpg complains, whatever its status', async () => {
    const { publicKey } = await makeKey();
    installGpg(`${prints(publicKey)}\necho "gpg: WARNING: nothing exported" >&2`);
    writeFileSync(cachePath(), 'before');
    await expect(open().source.publicKeys()).rejects.toMatchObject({
      kind: 'config',
      message: 'gpg doesn\'t export the public key "ABC": gpg: WARNING: nothing exported',
    });
    expect(readFileSync(cachePath(), 'utf8')).toBe('before');
  });

  it.each([
    ['gives nothing', 'exit 0', 'config'],
    ['fails silently', 'exit 2', 'config'],
    ['gives something else', 'echo hunter2', 'config'],
  ])('is not had when gpg %s', async (_, body, kind) => {
    installGpg(body);
    const asking = open().source.publicKeys();
    await expect(asking).rejects.toMatchObject({ kind });
    await expect(asking).rejects.not.toThrow('hunter2');
  });

  it('is not had, with a word of what to do, when there is no gpg', async () => {
    const asking = open({ environment: { PATH: programs } }).source.publicKeys();
    await expect(asking).rejects.toMatchObject({
      kind: 'config',
      message: 'the program gpg is not installed',
      hint: expect.stringContaining('WALG_PGP_KEY_PATH') as string,
    });
  });

  it('is not waited for longer than allowed', async () => {
    installGpg('exec sleep 100');
    await expect(open({ timeoutMs: 300 }).source.publicKeys()).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('the private key of GnuPG', () => {
  it('is exported with the passphrase, which no list of processes and no environment shows', async () => {
    const { privateKey } = await makeKey();
    installGpg(prints(privateKey));
    const material = await open({ passphrase: 'hunter2' }).source.privateKeys();
    expect(Buffer.from(material.bytes).toString()).toContain('PRIVATE KEY');
    expect(noted('args')).toMatch(/--pinentry-mode loopback --passphrase-fd 0 -a --export-secret-key -- ABC\n$/);
    expect(noted('args')).not.toContain('hunter2');
    expect(noted('input')).toBe('hunter2\n');
    expect(noted('env')).not.toContain('hunter2');
    expect(noted('env')).toContain('GNUPGHOME=/gnupg');
  });

  it('is exported without a passphrase in a way that asks nobody', async () => {
    const { privateKey } = await makeKey();
    installGpg(prints(privateKey));
    await open().source.privateKeys();
    expect(noted('args')).toContain('--pinentry-mode cancel');
    expect(noted('input')).toBe('');
  });

  it('is not kept', async () => {
    const { privateKey } = await makeKey();
    installGpg(prints(privateKey));
    await open().source.privateKeys();
    expect(readdirSync(home)).toEqual([]);
  });

  it('is not had when gpg does not give it', async () => {
    installGpg('echo "gpg: key ABC: error receiving key from agent: Bad passphrase - skipped" >&2; exit 2');
    const asking = open({ passphrase: 'hunter2' }).source.privateKeys();
    await expect(asking).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('Bad passphrase') as string,
    });
    await expect(asking).rejects.not.toThrow('hunter2');
  });
});
