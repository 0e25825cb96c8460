/** The program gpg, run for one export. */
import { execFile } from 'node:child_process';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';

/** One run. */
export interface GpgRun {
  readonly args: readonly string[];
  /** Goes in by standard input, where no list of processes shows it; undefined: nobody is asked for one. */
  readonly passphrase: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Default: a minute. What waits for somebody at a keyboard would wait for ever. */
  readonly timeoutMs?: number | undefined;
}

/** What came out. */
export interface GpgOutcome {
  /** It ended with status 0. */
  readonly succeeded: boolean;
  readonly stdout: Buffer;
  /** Its complaints, without the line end; empty when it had none. */
  readonly stderr: string;
}

const mostBytes = 16 * 1024 * 1024;
const ownSettings = /^(?:WAL[EG]_|PG|AWS_|YC_)/;

/**
 * Runs gpg to its end; the caller judges the outcome. Our own settings, with their secrets, are kept from it.
 *
 * @throws ArchiverError (`config`) when it can't be run, (`unavailable`) when it doesn't end in time
 */
export function runGpg({ args, passphrase, environment, timeoutMs = 60_000 }: GpgRun): Promise<GpgOutcome> {
  const asking =
    passphrase === undefined ? ['--pinentry-mode', 'cancel'] : ['--pinentry-mode', 'loopback', '--passphrase-fd', '0'];
  const inherited = Object.entries(environment).filter(([name]) => !ownSettings.test(name));
  const env = { ...Object.fromEntries(inherited), LC_ALL: 'C' };
  return new Promise((done, fail) => {
    const child = execFile(
      'gpg',
      ['--batch', '--quiet', '--no-tty', ...asking, ...args],
      { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: mostBytes, encoding: 'buffer' },
      (error, stdout, stderr) => {
        if (error?.killed === true) fail(tooLong(timeoutMs));
        else if (typeof error?.code === 'string') fail(notRun(error));
        else done({ succeeded: error === null, stdout, stderr: stderr.toString().trim() });
      },
    );
    // It may end without reading.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(passphrase === undefined ? '' : `${passphrase}\n`);
  });
}

const insteadOfGpg =
  'or export the key and set WALG_PGP_KEY_PATH instead of its id; nothing is stored in clear meanwhile.';

function notRun(error: Error): ArchiverError {
  const message =
    codeOf(error) === 'ENOENT' ? 'the program gpg is not installed' : `cannot run gpg: ${messageOf(error)}`;
  return new ArchiverError('config', message, { hint: `Install GnuPG, ${insteadOfGpg}` });
}

function tooLong(timeoutMs: number): ArchiverError {
  return new ArchiverError('unavailable', `gpg did not end within ${timeoutMs / 1000} s`, {
    hint: `Find out what it waits for by running "gpg --export" as this user, ${insteadOfGpg}`,
  });
}
