/** How child programs (`mysqlbinlog`, `mariadb`, …) get the password: by a file that only we can read, never by their command line. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArchiverError } from '../../errors.ts';
import type { Datasource, SslMode } from './datasource.ts';
import type { Flavor } from './server.ts';

/**
 * Writes an option file with all that a client program of the server's flavour needs to connect, and removes it when
 * `use` has ended, well or not. The file lies in a folder of its own that only we can enter.
 *
 * @param use gets the path, for `--defaults-file=PATH`, which has to be the program's first option
 * @throws whatever `use` throws; ArchiverError (`config`) for a password that no option file can hold
 */
export async function withDefaultsFile<T>(
  datasource: Datasource,
  flavor: Flavor,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const text = defaultsText(datasource, flavor);
  const folder = await mkdtemp(join(tmpdir(), 'walvault-client-'));
  try {
    const path = join(folder, 'client.cnf');
    await writeFile(path, text, { mode: 0o600, flag: 'wx' });
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The text of that file: the group `[client]`. No database: not every program takes one there. */
export function defaultsText({ address, user, password, sslMode, sslCa }: Datasource, flavor: Flavor): string {
  const options: (readonly [string, string?])[] = [];
  if (user !== '') options.push(['user', user]);
  if (password !== undefined) options.push(['password', password]);
  if (address.kind === 'socket') {
    options.push(['protocol', 'socket'], ['socket', address.path]);
  } else {
    // The programs take the name localhost for a socket otherwise.
    options.push(['protocol', 'tcp'], ['host', address.host], ['port', String(address.port)]);
    if (sslCa !== undefined) options.push(['ssl-ca', sslCa]);
    options.push(...(flavor === 'mysql' ? [['ssl-mode', sslMode] as const] : mariadbTls(sslMode)));
  }
  const lines = options.map(([name, value]) => (value === undefined ? name : `${name}=${quotedValue(name, value)}`));
  return `[client]\n${lines.join('\n')}\n`;
}

/** MariaDB's programs have no ssl-mode. Names that older ones do not know are marked as not needed. */
function mariadbTls(sslMode: SslMode): readonly (readonly [string, string?])[] {
  switch (sslMode) {
    case 'DISABLED':
      return [['loose-skip-ssl']];
    case 'PREFERRED':
      return [['loose-skip-ssl-verify-server-cert']];
    case 'REQUIRED':
      return [['ssl'], ['loose-skip-ssl-verify-server-cert']];
    case 'VERIFY_CA':
      return [['ssl'], ['loose-skip-ssl-verify-server-cert']];
    case 'VERIFY_IDENTITY':
      return [['ssl'], ['ssl-verify-server-cert']];
  }
}

/** In quotes, `#`, spaces and `;` stand for themselves; backslashes have to be doubled. */
function quotedValue(name: string, value: string): string {
  if (/[\0\n\r]/.test(value) || (value.includes("'") && value.includes('"') && value.includes('#'))) {
    throw new ArchiverError('config', `the ${name} of the MySQL server cannot be given to its client programs`, {
      hint: 'Option files of MySQL hold no line ends, and no value with "#" and both kinds of quotes: use another one for the user of walvault.',
    });
  }
  const quote = value.includes('"') ? "'" : '"';
  return `${quote}${value.replaceAll('\\', '\\\\')}${quote}`;
}
