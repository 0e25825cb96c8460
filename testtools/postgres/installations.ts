/** Which PostgreSQL programs this machine has: those of npm packages (see `install.ts`), and Debian's. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The majors that the tests know, oldest first. */
export const knownMajors: readonly number[] = [13, 14, 15, 16, 17, 18];

/** Folder with the package.json of the servers. */
export const serversDirectory = resolve(import.meta.dirname, '../servers');

/** The server of `make demo`: an optional dependency of walvault itself, there for more platforms than the others. */
export const demoMajor = 17;

/** Where that server's package is installed, if this platform has one. */
export const demoServerPackage = resolve(
  import.meta.dirname,
  `../../node_modules/pg${demoMajor}-${process.platform}-${process.arch}`,
);

/** One set of server programs. */
export interface Installation {
  readonly major: number;
  /** Holds at least `initdb`, `pg_ctl` and `postgres`; Debian's has all the client programs too. */
  readonly binDirectory: string;
  readonly source: 'npm' | 'system';
}

/** All installations found, npm's before Debian's. Installs nothing. */
export function findInstallations(): readonly Installation[] {
  const npm = [
    ...knownMajors.map((major) => ({ major, packageDirectory: join(serversDirectory, 'node_modules', `pg${major}`) })),
    { major: demoMajor, packageDirectory: demoServerPackage },
  ]
    .map(({ major, packageDirectory }): Installation => {
      return { major, binDirectory: join(packageDirectory, 'native', 'bin'), source: 'npm' };
    })
    .filter(({ binDirectory }) => existsSync(join(binDirectory, 'postgres')));
  return [...npm, ...findSystemInstallations()];
}

function findSystemInstallations(): readonly Installation[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((name): Installation => ({ major: Number(name), binDirectory: join(root, name, 'bin'), source: 'system' }))
    .filter(({ major, binDirectory }) => knownMajors.includes(major) && existsSync(join(binDirectory, 'postgres')))
    .toSorted((a, b) => a.major - b.major);
}

/**
 * The installation of a major, npm's unless `source` says otherwise.
 *
 * @throws Error that names the command to run when there is none
 */
export function installationOf(major: number, source?: Installation['source']): Installation {
  const found = findInstallations().find((one) => one.major === major && (source ?? one.source) === one.source);
  if (found !== undefined) return found;
  throw new Error(`no PostgreSQL ${major} here; run: node testtools/postgres/install.ts`);
}

/**
 * The majors to test: those installed, or those of them that `WALVAULT_TEST_MAJORS` (such as `13,17`) names.
 *
 * Empty on a machine without any, so that tests skip by name; under `CI=true` a missing major is an error.
 */
export function testedMajors(): readonly number[] {
  const wanted = process.env['WALVAULT_TEST_MAJORS']?.split(',').map(Number) ?? knownMajors;
  const installed = new Set(findInstallations().map((one) => one.major));
  const missing = wanted.filter((major) => !installed.has(major));
  if (process.env['CI'] === 'true' && missing.length > 0) {
    throw new Error(`PostgreSQL ${missing.join(', ')} must be installed in CI: node testtools/postgres/install.ts`);
  }
  return wanted.filter((major) => installed.has(major));
}

/** The newest tested major, for tests that one server is enough for; undefined when there is none. */
export function newestMajor(): number | undefined {
  return testedMajors().at(-1);
}
