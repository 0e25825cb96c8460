/** Encryption against GnuPG, and against libsodium's own loop in C: whole processes, output thrown away. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { writePages, writeRepeated } from './data.ts';
import { compare, table } from './measure.ts';
import { atLeast, cpu, emptied, print, root } from './report.ts';
import type { StageCommand } from './stage-program.ts';

const bytes = 1e9;

/** OpenPGP with an RSA and a Curve25519 key, and libsodium, both directions, about 1 GB. */
export function benchCrypto(cluster: BenchCluster, stage: StageCommand, rounds = 3): void {
  const work = join(cluster.folder, 'work', 'crypto');
  emptied(work, undefined);
  const plain = join(work, 'plain');
  writePages(cluster, join(work, 'pages'));
  const gigabytes = `${(writeRepeated(join(work, 'pages'), plain, bytes) / 1e9).toFixed(1)} GB`;
  rmSync(join(work, 'pages'));
  for (const algorithm of ['rsa3072', 'cv25519'] as const) {
    benchOpenPgp({ work, plain, gigabytes, stage, rounds }, algorithm);
  }
  benchLibsodium({ work, plain, gigabytes, stage, rounds });
  rmSync(work, { recursive: true });
}

interface Bench {
  readonly work: string;
  readonly plain: string;
  readonly gigabytes: string;
  readonly stage: StageCommand;
  readonly rounds: number;
}

/** A key pair in a GnuPG home of its own, exported; `use` runs with it, then its agent ends. */
export function withGpgKey(
  folder: string,
  algorithm: 'rsa3072' | 'cv25519',
  use: (gpg: readonly string[], privateKey: string, publicKey: string) => void,
): void {
  const home = join(folder, `gnupg-${algorithm}`);
  mkdirSync(home, { mode: 0o700, recursive: true });
  const gpg = [
    'gpg',
    '--homedir',
    home,
    '--batch',
    '--yes',
    '-q',
    '--trust-model',
    'always',
    '--pinentry-mode',
    'loopback',
  ];
  const call = (...words: readonly string[]): string => {
    const [file = '', ...rest] = [...gpg, ...words];
    return execFileSync(file, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  };
  try {
    const types = algorithm === 'rsa3072' ? 'RSA 3072' : 'EDDSA';
    const keyLines =
      types === 'EDDSA'
        ? 'Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519'
        : 'Key-Type: RSA\nKey-Length: 3072\nSubkey-Type: RSA\nSubkey-Length: 3072';
    const recipe = join(home, 'recipe');
    writeFileSync(recipe, `%no-protection\n${keyLines}\nName-Real: bench\nExpire-Date: 0\n%commit\n`);
    call('--gen-key', recipe);
    const keys = { public: join(folder, `${algorithm}.public`), private: join(folder, `${algorithm}.private`) };
    writeFileSync(keys.public, call('-a', '--export', 'bench'));
    writeFileSync(keys.private, call('-a', '--export-secret-keys', 'bench'));
    for (const path of Object.values(keys)) chmodSync(path, 0o644);
    use(gpg, keys.private, keys.public);
  } finally {
    spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    rmSync(home, { recursive: true, force: true });
  }
}

function benchOpenPgp({ work, plain, gigabytes, stage, rounds }: Bench, algorithm: 'rsa3072' | 'cv25519'): void {
  withGpgKey(work, algorithm, (gpg, privateKey, publicKey) => {
    const environment = { WALG_PGP_KEY_PATH: privateKey };
    const encrypted = join(work, 'encrypted.gpg');
    const theirs = [...gpg, '-z0', '-r', 'bench', '-o', encrypted, '-e', plain];
    execFileSync(theirs[0] ?? '', theirs.slice(1));
    const encrypting = compare(
      [
        {
          name: 'walvault OpenPGP',
          command: stage('encrypt', '-', plain, '/dev/null'),
          environment: { WALG_PGP_KEY_PATH: publicKey },
        },
        { name: 'gpg -z0 -e', command: [...gpg, '-z0', '-r', 'bench', '-o', '/dev/null', '-e', plain] },
      ],
      rounds,
    );
    print(table(`OpenPGP, ${algorithm}: encrypt ${gigabytes}`, encrypting, 'walvault OpenPGP'));
    atLeast(
      `encrypt for ${algorithm}: speed per CPU second against gpg -z0`,
      cpu(encrypting, 1) / cpu(encrypting, 0),
      0.8,
    );
    const decrypting = compare(
      [
        { name: 'walvault OpenPGP', command: stage('decrypt', '-', encrypted, '/dev/null'), environment },
        { name: 'gpg -d', command: [...gpg, '-o', '/dev/null', '-d', encrypted] },
      ],
      rounds,
    );
    print(table(`OpenPGP, ${algorithm}: decrypt what gpg wrote`, decrypting, 'walvault OpenPGP'));
    atLeast(
      `decrypt with ${algorithm}: speed per CPU second against gpg`,
      cpu(decrypting, 1) / cpu(decrypting, 0),
      0.8,
    );
    rmSync(encrypted);
  });
}

function benchLibsodium({ work, plain, gigabytes, stage, rounds }: Bench): void {
  const loop = join(work, 'secretstream');
  const source = join(root, 'testtools', 'bench', 'secretstream.c');
  const compiled = spawnSync('cc', ['-O2', '-o', loop, source, '-lsodium'], { encoding: 'utf8' });
  if (compiled.status !== 0) {
    print(`\nlibsodium: not measured, its peer is a loop in C and could not be compiled: ${compiled.stderr}`);
    return;
  }
  const key = 'a3'.repeat(32);
  const environment = { WALG_LIBSODIUM_KEY: key, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };
  const encrypted = join(work, 'encrypted.sodium');
  execFileSync(loop, ['encrypt', key, plain, encrypted]);
  for (const [action, from] of [
    ['encrypt', plain],
    ['decrypt', encrypted],
  ] as const) {
    const results = compare(
      [
        { name: 'walvault libsodium', command: stage(action, '-', from, '/dev/null'), environment },
        { name: 'a loop in C', command: [loop, action, key, from, '/dev/null'] },
      ],
      rounds,
    );
    print(table(`libsodium: ${action} ${gigabytes}`, results, 'walvault libsodium'));
    atLeast(`libsodium, ${action}: speed per CPU second against a loop in C`, cpu(results, 1) / cpu(results, 0), 0.8);
  }
}
