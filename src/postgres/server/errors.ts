/** What can go wrong with the server. */
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import type { ErrorKind } from '../../errors.ts';

/** A parameter of the connection that is wrong, wherever it was set. */
export class ConnectionParameterError extends ArchiverError {
  constructor(message: string, hint: string, cause?: unknown) {
    super('config', message, { hint, cause });
  }
}

/** A place where the server was looked for, and why it could not be used. */
export interface FailedAttempt {
  /** `db1:5432`, or the path of a socket. */
  readonly place: string;
  readonly error: unknown;
}

/** No server could be connected to. Its message names every place tried, with the reason. */
export class ConnectError extends ArchiverError {
  readonly attempts: readonly FailedAttempt[];

  constructor(attempts: readonly FailedAttempt[]) {
    const last = attempts.at(-1);
    const reasons = attempts.map(({ place, error }) => `"${place}": ${reasonOf(error)}`);
    super(kindOfConnectFailure(last?.error), `cannot connect to the PostgreSQL server: ${reasons.join('; ')}`, {
      cause: last?.error,
      hint: hintOf(last?.error),
    });
    this.attempts = attempts;
  }
}

/** The session ended although nobody ended it: the server went down, or stopped answering. */
export class ServerLostError extends ArchiverError {
  constructor(location: string, cause: unknown) {
    super('unavailable', `lost the connection to the PostgreSQL server "${location}": ${messageOf(cause)}`, {
      cause,
      hint: 'A backup that was running has ended with the session; see the log of the server, then push again.',
    });
  }
}

/** The server refused a query. */
export class ServerQueryError extends ArchiverError {
  /** SQLSTATE, five characters. */
  readonly sqlState: string;

  constructor(what: string, cause: unknown, hint?: string) {
    const sqlState = codeOf(cause) ?? '';
    super(kindOfState(sqlState), `${what}: ${messageOf(cause)}`, { cause, hint: hint ?? hintOf(cause) });
    this.sqlState = sqlState;
  }
}

/** The server wants a password and none was found. */
export class PasswordNeededError extends ArchiverError {
  constructor(user: string) {
    super('forbidden', `the server asks for the password of "${user}" and none was found`, {
      hint: 'Put the password in ~/.pgpass (mode 0600) or the file that PGPASSFILE names, or set PGPASSWORD.',
    });
  }
}

/** The server answered, so it is alive: the error is one of its own messages. */
export function isServerMessage(error: unknown): boolean {
  return error instanceof Error && error.name === 'error' && /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '');
}

/** The server will refuse another attempt in the same way: credentials, not circumstances. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof PasswordNeededError) return true;
  return isServerMessage(error) && /^(?:28|3D|42)/.test(codeOf(error) ?? '');
}

function kindOfConnectFailure(error: unknown): ErrorKind {
  if (error instanceof ArchiverError) return error.kind;
  return isServerMessage(error) ? kindOfState(codeOf(error) ?? '') : 'unavailable';
}

function kindOfState(state: string): ErrorKind {
  if (/^28|^42501/.test(state)) return 'forbidden';
  if (/^3D|^55/.test(state)) return 'config';
  if (/^08|^53|^57|^58/.test(state)) return 'unavailable';
  return 'unexpected';
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join(', ');
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'there is no such socket';
    case 'EACCES':
      return 'permission denied';
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
      return 'host not found';
    default:
      return messageOf(error);
  }
}

function hintOf(error: unknown): string {
  if (error instanceof ArchiverError && error.hint !== undefined) return error.hint;
  const state = isServerMessage(error) ? (codeOf(error) ?? '') : '';
  if (state === '28P01') return 'Check PGUSER and the password in PGPASSWORD or the password file.';
  if (state.startsWith('28')) return 'Check PGUSER, PGSSLMODE and the pg_hba.conf of the server.';
  if (state.startsWith('3D')) return 'Set PGDATABASE to a database that exists, such as postgres.';
  if (state === '42501') {
    return 'Connect as a superuser, or grant the role pg_read_all_settings and EXECUTE on the functions for backups.';
  }
  if (state !== '') return 'See the log of the server.';
  return 'Check that the server runs, and set PGHOST (a host, or the directory of its socket), PGPORT and PGUSER.';
}
