/** PostgreSQL refuses to run as root: started by root, servers and what they call run as this user instead. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Another user to run a process as: options for `spawn`; empty when this process isn't root. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

/** A name and its numbers. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user of servers when this process is root: `postgres` if there is one, else `walvault-test`, made on demand. */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = userNamed('postgres') ?? userNamed('walvault-test');
  if (found !== undefined) return found;
  execFileSync('useradd', ['--system', '--user-group', '--shell', '/usr/sbin/nologin', 'walvault-test']);
  const made = userNamed('walvault-test');
  if (made === undefined) throw new Error('useradd made no user "walvault-test"');
  return made;
}

/** Options for `spawn` so that the child runs as the server's user; its files are then the server's. */
export function asServerUser(): RunAs {
  const user = serverUser();
  return user === undefined ? {} : { uid: user.uid, gid: user.gid };
}

/** Gives a file or folder, with all in it, to the server's user. */
export function giveToServer(path: string): void {
  const user = serverUser();
  if (user !== undefined) execFileSync('chown', ['-hR', `${user.uid}:${user.gid}`, path]);
}

/** Makes a folder that belongs to the server's user; parents must be there and open to all. */
export function makeServerDirectory(path: string, mode = 0o755): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  giveToServer(path);
  return path;
}

/** Makes a temporary folder with a short path (socket paths are limited) that the server's user owns and all may enter. */
export function makeServerTemp(): string {
  return makeServerDirectory(mkdtempSync(join(tmpdir(), 'wv-')));
}

/** Whether everybody may run a program, or enter a folder, at this path. */
export function isOpenToAll(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  return path === dirname(path) || isOpenToAll(dirname(path));
}

function userNamed(name: string): ServerUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}
