/** OpenSSH's server on loopback, with keys of its own; it serves the user who runs the tests. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../postgres/free-port.ts';
import { temporaryDirectory } from '../temp.ts';
import { startService } from './service-process.ts';

const program = '/usr/sbin/sshd';

/** Whether it is installed; in CI it must be. */
export function hasSshd(): boolean {
  if (existsSync(program)) return true;
  if (process.env['CI'] === 'true') throw new Error(`CI needs ${program}`);
  return false;
}

/** A running server; disposing it removes its files. */
export interface Sshd extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** A folder for its configuration and for whatever tests keep. */
  readonly folder: string;
  /** A folder to keep archives in. */
  readonly data: string;
  /** Private key of the user, in a file. */
  readonly keyPath: string;
  /** The keys of the server, one a line, without a name before them. */
  readonly hostKeys: readonly string[];
  /** A file as ssh keeps it, with all of them. */
  readonly knownHosts: string;
  log(): string;
}

/** How to start one. */
export interface SshdOptions {
  /** Nothing can be changed over it. */
  readonly readOnly?: boolean;
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
  /** Types of its keys; default ed25519 and ecdsa. */
  readonly hostKeyTypes?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
}

/** Starts one on a free port. */
export async function startSshd({
  readOnly = false,
  lines = [],
  hostKeyTypes = ['ed25519', 'ecdsa'],
}: SshdOptions = {}): Promise<Sshd> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await temporaryDirectory()).path;
  const data = join(folder, 'data');
  mkdirSync(data);
  const keyPath = makeKey(folder, 'user', 'ed25519');
  const hostKeys: string[] = [];
  for (const type of hostKeyTypes) {
    const path = makeKey(folder, `host_${type}`, type);
    hostKeys.push((await readFile(`${path}.pub`, 'utf8')).split(' ').slice(0, 2).join(' '));
  }
  // As root it lays open a folder of the system, which a booted one has.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  await writeFile(
    join(folder, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      ...hostKeyTypes.map((type) => `HostKey ${join(folder, `host_${type}`)}`),
      `AuthorizedKeysFile ${keyPath}.pub`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PidFile none',
      'MaxStartups 200',
      'MaxSessions 200',
      `Subsystem sftp internal-sftp${readOnly ? ' -R' : ''}`,
      ...lines,
      '',
    ].join('\n'),
  );
  const service = cleanup.use(startService(program, ['-D', '-e', '-f', join(folder, 'sshd_config')]));
  await service.until(() => accepts(port));
  const knownHosts = join(folder, 'known_hosts');
  await writeFile(knownHosts, hostKeys.map((key) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  const owned = cleanup.move();
  return {
    host: '127.0.0.1',
    port,
    username: userInfo().username,
    folder,
    data,
    keyPath,
    hostKeys,
    knownHosts,
    log: () => service.log(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Makes a pair of keys, `name` and `name.pub`. @returns the path of the private one */
export function makeKey(folder: string, name: string, type: string, passphrase = ''): string {
  const path = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', path], { stdio: 'pipe' });
  return path;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    for (const event of ['error', 'close']) {
      socket.once(event, () => {
        socket.destroy();
        resolve(false);
      });
    }
  });
}
