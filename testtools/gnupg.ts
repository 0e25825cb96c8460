/** GnuPG with a home of its own, for tests of what gpg writes and reads. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './temp.ts';

/** One home; disposing it ends its agent. */
export interface GnuPg extends AsyncDisposable {
  readonly home: string;
  /** For whoever runs gpg himself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs gpg without questions. @throws Error when it fails, with what it said */
  run(args: readonly string[], input?: Uint8Array | string): Buffer;
  /** Makes a key for encryption. @returns its fingerprint */
  makeKey(options?: GnuPgKey): string;
}

/** A key of GnuPG. */
export interface GnuPgKey {
  readonly user?: string;
  /** Default `rsa2048`; `default` is GnuPG's choice of curve, `future-default` a Curve25519. */
  readonly algorithm?: string;
  /** Default: none, the key isn't protected. */
  readonly passphrase?: string;
  /** Default `never`; `1d`, `seconds=10` … */
  readonly expires?: string;
  /** For `--faked-system-time`: `20200101T000000`. */
  readonly at?: string;
}

/** Makes an empty home. */
export async function openGnuPg(): Promise<GnuPg> {
  const directory = await temporaryDirectory();
  const home = directory.path;
  chmodSync(home, 0o700);
  // Else the agent measures how many make a tenth of a second, which takes ten on a busy machine.
  writeFileSync(join(home, 'gpg-agent.conf'), 's2k-count 65536\n');
  const environment = { PATH: process.env['PATH'] ?? '', GNUPGHOME: home, LC_ALL: 'C' };
  function run(args: readonly string[], input: Uint8Array | string = ''): Buffer {
    return execFileSync('gpg', ['--batch', '--yes', '--quiet', '--no-tty', ...args], {
      env: environment,
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 1024 * 1024 * 1024,
    });
  }
  return {
    home,
    environment,
    run,
    makeKey({ user = 'backup@example.org', algorithm = 'rsa2048', passphrase = '', expires = 'never', at } = {}) {
      const faked = at === undefined ? [] : ['--faked-system-time', at];
      const secret = ['--pinentry-mode', 'loopback', '--passphrase', passphrase];
      run([...faked, ...secret, '--quick-gen-key', user, algorithm, 'default', expires]);
      const fingerprint = fingerprintOf(run(['--with-colons', '--list-keys', '--', user]).toString());
      // Names of algorithms, other than `default`, give a primary key that only signs and certifies.
      const subkey = /^sub:/m.test(run(['--with-colons', '--list-keys', '--', user]).toString());
      const subkeyAlgorithm = algorithm.startsWith('ed25519') ? 'cv25519' : algorithm;
      if (!subkey) run([...faked, ...secret, '--quick-add-key', fingerprint, subkeyAlgorithm, 'encr', expires]);
      return fingerprint;
    },
    async [Symbol.asyncDispose]() {
      spawnSync('gpgconf', ['--homedir', home, '--kill', 'all'], { env: environment });
      await directory[Symbol.asyncDispose]();
    },
  };
}

function fingerprintOf(listing: string): string {
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listing)?.[1];
  if (fingerprint === undefined) throw new Error(`no fingerprint in: ${listing}`);
  return fingerprint;
}
