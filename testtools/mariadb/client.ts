/** Queries of tests, by MariaDB's own client: what a test finds then does not depend on what it tests. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { asServerUser } from '../postgres/server-user.ts';
import { mariadbProgram } from './programs.ts';

/** How many rows a table has, and the MD5 of what the client prints of it, as `expected.json` of the fixtures has them. */
export interface MariadbFact {
  readonly count: number;
  readonly md5: string;
}

/** What a program printed. */
export interface ProgramOutput {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs SQL, any number of statements, and answers with the rows of all; NULL is the text `NULL`. @throws Error as the server says */
export async function queryMariadb(
  socket: string,
  sql: string,
  database = '',
): Promise<readonly (readonly string[])[]> {
  const text = (await client(socket, ['-N', '-B', ...(database === '' ? [] : [database])], sql)).toString();
  return text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.split('\t'));
}

/** The facts of every table of the databases, by `database.table`, in order. */
export async function factsOf(socket: string, databases: readonly string[]): Promise<Record<string, MariadbFact>> {
  const names = databases.map((name) => `'${name}'`).join();
  const tables = await queryMariadb(
    socket,
    `SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN (${names}) ORDER BY 1, 2`,
  );
  const facts: Record<string, MariadbFact> = {};
  for (const [schema = '', table = ''] of tables) {
    const sql = `select * from \`${schema}\`.\`${table}\` order by 1`;
    const printed = await client(socket, ['-N', '-B'], sql);
    const count = printed.reduce((lines, byte) => (byte === 10 ? lines + 1 : lines), 0);
    facts[`${schema}.${table}`] = { count, md5: createHash('md5').update(printed).digest('hex') };
  }
  return facts;
}

/** Runs a program of MariaDB (or any other) as the server's user, with bytes for its stdin. */
export function runProgram(
  path: string,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<ProgramOutput> {
  return new Promise((settle, fail) => {
    const child = spawn(path, args, {
      ...asServerUser(),
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' },
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', fail);
    child.once('close', (status) => {
      settle({ status, stdout: Buffer.concat(stdout), stderr });
    });
  });
}

async function client(socket: string, options: readonly string[], sql: string): Promise<Buffer> {
  const args = ['--no-defaults', '-uroot', '-S', socket, '--default-character-set=utf8mb4', ...options];
  const { status, stdout, stderr } = await runProgram(mariadbProgram('mariadb'), args, sql);
  if (status !== 0) throw new Error(`${stderr.trim()} (status ${status}): ${sql.slice(0, 200)}`);
  return stdout;
}
