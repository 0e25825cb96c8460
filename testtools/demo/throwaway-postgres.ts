/** A Postgres of the demo: binaries from an npm package, a private socket, stopped and removed with the demo. */
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { appendFileSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { arch, platform } from 'node:process';
import pg from 'pg';
import { hydrate } from '../postgres/install.ts';
import { demoServerPackage } from '../postgres/installations.ts';

/** Whom a process of the demo runs as; undefined = the caller. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** The places of one demo run. */
export interface Stage {
  /** Everything the demo makes is below this folder. */
  readonly folder: string;
  readonly identity: Identity | undefined;
  /** Folder with `initdb`, `pg_ctl`, `postgres`. */
  readonly binaries: string;
  /** The command under demonstration. */
  readonly walvault: string;
  remove(): void;
}

/**
 * Prepares the demo's folder: `demo-work` in the checkout or, when root runs the demo from a place that other users can't
 * reach, a temporary folder with copies of the programs (Postgres refuses to run as root).
 *
 * @throws Error when there is no Postgres package for this platform
 */
export function prepareStage(root: string): Stage {
  const packageFolder = demoServerPackage;
  if (!existsSync(join(packageFolder, 'native', 'bin'))) {
    throw new Error(`no Postgres package for ${platform}-${arch}: the demo runs on Linux and macOS, x64 and arm64`);
  }
  hydrate(packageFolder);
  const asRoot = process.getuid?.() === 0;
  if (!asRoot) {
    const folder = freshFolder(join(root, 'demo-work'));
    return {
      folder,
      identity: undefined,
      binaries: join(packageFolder, 'native', 'bin'),
      walvault: join(root, 'dist', 'walvault'),
      remove: () => rmSync(folder, { recursive: true, force: true }),
    };
  }
  const identity = unprivileged();
  const reachable = canTraverse(root, identity) && canTraverse(packageFolder, identity);
  const folder = reachable ? freshFolder(join(root, 'demo-work')) : mkdtempSync(join(tmpdir(), 'walvault-demo-'));
  chownSync(folder, identity.uid, identity.gid);
  let binaries = join(packageFolder, 'native', 'bin');
  let walvault = join(root, 'dist', 'walvault');
  if (!reachable) {
    cpSync(join(packageFolder, 'native'), join(folder, 'postgres'), { recursive: true, verbatimSymlinks: true });
    cpSync(join(root, 'dist'), join(folder, 'walvault'), { recursive: true });
    binaries = join(folder, 'postgres', 'bin');
    walvault = join(folder, 'walvault', 'walvault');
  }
  return { folder, identity, binaries, walvault, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function freshFolder(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
}

function unprivileged(): Identity {
  for (const name of ['postgres', 'nobody']) {
    const uid = spawnSync('id', ['-u', name], { encoding: 'utf8' });
    const gid = spawnSync('id', ['-g', name], { encoding: 'utf8' });
    if (uid.status === 0 && gid.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error('Postgres refuses to run as root, and there is neither a user "postgres" nor "nobody" to run it as');
}

function canTraverse(folder: string, identity: Identity): boolean {
  return spawnSync('test', ['-x', folder], { uid: identity.uid, gid: identity.gid }).status === 0;
}

/** One cluster and its server. */
export interface ThrowawayPostgres {
  readonly dataDirectory: string;
  initialize(settings: readonly string[]): void;
  start(): void;
  /** `fast` is a clean shutdown, `immediate` a crash. Does nothing when it is not running. */
  stop(mode: 'fast' | 'immediate'): void;
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The last lines of the server's log. */
  logTail(): string;
  /** Environment for programs that talk to this server. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A Postgres whose files are all below the stage's folder; nothing is started yet. */
export function throwawayPostgres(stage: Stage, environment: Readonly<Record<string, string>>): ThrowawayPostgres {
  const dataDirectory = join(stage.folder, 'data');
  // A socket path may have about 100 bytes; a deeply nested checkout gets a short folder instead.
  const nested = join(stage.folder, 's');
  const socketDirectory = nested.length < 80 ? nested : mkdtempSync(join(tmpdir(), 'wvd-'));
  mkdirSync(socketDirectory, { recursive: true });
  if (stage.identity !== undefined) chownSync(socketDirectory, stage.identity.uid, stage.identity.gid);
  const log = join(stage.folder, 'postgres.log');
  const connection = { PGHOST: socketDirectory, PGPORT: '5432', PGUSER: 'postgres', PGDATABASE: 'postgres' };
  const serverEnvironment = { ...environment, ...connection, PATH: process.env['PATH'] ?? '', LC_ALL: 'C' };

  function run(program: string, args: readonly string[]): SpawnSyncReturns<string> {
    const done = spawnSync(join(stage.binaries, program), args, {
      encoding: 'utf8',
      env: serverEnvironment,
      cwd: stage.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...stage.identity,
    });
    if (done.status !== 0)
      throw new Error(`${program} failed: ${done.stdout}${done.stderr}${String(done.error ?? '')}`);
    return done;
  }

  const server: ThrowawayPostgres = {
    dataDirectory,
    environment: connection,
    initialize(settings) {
      run('initdb', [
        '-D',
        dataDirectory,
        '-U',
        'postgres',
        '-A',
        'trust',
        '-E',
        'UTF8',
        '--locale=C',
        '--data-checksums',
        '-N',
      ]);
      const lines = [`unix_socket_directories = '${socketDirectory}'`, `listen_addresses = ''`, ...settings];
      appendFileSync(join(dataDirectory, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
    },
    start() {
      // pg_ctl's own output goes to the log: a server that inherited our pipe would keep it open.
      const child = spawnSync(
        join(stage.binaries, 'pg_ctl'),
        ['-D', dataDirectory, '-w', '-t', '60', '-l', log, 'start'],
        {
          env: serverEnvironment,
          cwd: stage.folder,
          stdio: 'ignore',
          ...stage.identity,
        },
      );
      if (child.status !== 0) throw new Error(`Postgres did not start:\n${server.logTail()}`);
    },
    stop(mode) {
      if (!existsSync(join(dataDirectory, 'postmaster.pid'))) return;
      spawnSync(join(stage.binaries, 'pg_ctl'), ['-D', dataDirectory, '-w', '-m', mode, 'stop'], {
        env: serverEnvironment,
        stdio: 'ignore',
        ...stage.identity,
      });
      if (socketDirectory !== nested && !statSync(stage.folder, { throwIfNoEntry: false }))
        rmSync(socketDirectory, { recursive: true });
    },
    async query(sql) {
      const client = new pg.Client({ host: socketDirectory, port: 5432, user: 'postgres', database: 'postgres' });
      await client.connect();
      try {
        const result: unknown = await client.query(sql);
        const last: unknown = Array.isArray(result) ? result.at(-1) : result;
        return (last as { rows: Record<string, unknown>[] }).rows;
      } finally {
        await client.end();
      }
    },
    logTail() {
      return spawnSync('tail', ['-n', '25', log], { encoding: 'utf8' }).stdout;
    },
  };
  // Before the folder is removed.
  process.prependListener('exit', () => {
    server.stop('immediate');
    if (socketDirectory !== nested) rmSync(socketDirectory, { recursive: true, force: true });
  });
  return server;
}

/** Runs a program as the stage's user and resolves to its output; rejects with its stderr when it fails. */
export async function runProgram(
  stage: Stage,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(resolve(program), args, {
    env: environment,
    cwd: stage.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...stage.identity,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | string>((settle, fail) => {
    child.on('error', fail).on('close', (code, signal) => {
      settle(code ?? signal ?? 'unknown');
    });
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return { stdout, stderr };
}
