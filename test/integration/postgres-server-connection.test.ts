import { appendFileSync, chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { ConnectError } from '../../src/postgres/server/errors.ts';
import { connectServer } from '../../src/postgres/server/server.ts';
import type { PostgresServer } from '../../src/postgres/server/server.ts';
import { canMakeCertificates, issueCertificates } from '../../testtools/postgres/certificates.ts';
import type { Certificates } from '../../testtools/postgres/certificates.ts';
import { freePort } from '../../testtools/postgres/free-port.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { startPostgres } from '../../testtools/postgres/server.ts';
import type { TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';
import { temporaryDirectory } from '../../testtools/temp.ts';
import type { TemporaryDirectory } from '../../testtools/temp.ts';

const major = newestMajor() ?? 0;
let primary: TestServer;
let home: TemporaryDirectory;
const log = { current: recordingLogger() };

type Environment = Readonly<Record<string, string>>;

async function connect(environment: Environment, signal = new AbortController().signal): Promise<PostgresServer> {
  log.current = recordingLogger();
  const server = await connectServer(rawSettings(environment), { logger: log.current, signal, home: home.path });
  onTestFinished(async () => server[Symbol.asyncDispose]());
  return server;
}

async function failure(environment: Environment): Promise<unknown> {
  return connect(environment).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The environment for TCP, and whatever else. */
function tcp(more: Environment = {}): Environment {
  return { PGHOST: 'localhost', PGPORT: String(primary.port), PGUSER: 'postgres', PGDATABASE: 'postgres', ...more };
}

async function isEncrypted(): Promise<boolean> {
  return (
    (await primary.value(`select s.ssl from pg_stat_ssl s join pg_stat_activity using (pid)
    where application_name = 'wal-g' order by backend_start desc limit 1`)) === 't'
  );
}

/** Puts lines before all others of pg_hba.conf for one test. */
async function authenticate(...lines: readonly string[]): Promise<void> {
  const path = join(primary.dataDirectory, 'pg_hba.conf');
  const original = readFileSync(path, 'utf8');
  writeFileSync(path, `${lines.join('\n')}\n${original}`);
  await primary.reload();
  onTestFinished(async () => {
    writeFileSync(path, original);
    await primary.reload();
  });
}

describe.runIf(major > 0)('connecting', () => {
  beforeAll(async () => {
    home = await temporaryDirectory();
    primary = await startPostgres({ major });
    await primary.query(`create role keeper superuser login password 'secret:\\word'`);
    await primary.query(`create role other superuser login password 'other'`);
  });

  afterAll(async () => {
    await primary[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  it('works over a socket and over TCP, under the usual application name', async () => {
    const overSocket = await connect(primary.environment);
    expect(overSocket.location).toBe(`${primary.socketDirectory}/.s.PGSQL.${primary.port}`);
    const overTcp = await connect(tcp());
    expect(overTcp.location).toBe(`localhost:${primary.port}`);
    expect(await primary.value(`select count(*) from pg_stat_activity where application_name = 'wal-g'`)).toBe('2');
  });

  it('takes DATABASE_URL, unless PGHOST names the server', async () => {
    const url = `postgresql://postgres@localhost:${primary.port}/template1?application_name=by-url`;
    await connect({ DATABASE_URL: url });
    expect(await primary.value(`select datname from pg_stat_activity where application_name = 'by-url'`)).toBe(
      'template1',
    );
    await connect({ DATABASE_URL: `host=${primary.socketDirectory} port=${primary.port} user='postgres'` });
    const server = await connect({ ...tcp(), DATABASE_URL: 'postgresql://nobody@nowhere.invalid/' });
    expect(server.location).toBe(`localhost:${primary.port}`);
  });

  it('takes the parameters of a service', async () => {
    const file = join(home.path, 'services');
    writeFileSync(
      file,
      `# mine\n[other]\nport=1\n\n[main]\nhost=localhost\nport=${primary.port}\nuser=postgres\ndbname=template1\n`,
    );
    const server = await connect({ PGSERVICE: 'main', PGSERVICEFILE: file, PGPORT: '1' });
    expect(server.location).toBe(`localhost:${primary.port}`);
    expect(await failure({ PGSERVICE: 'none', PGSERVICEFILE: file })).toMatchObject({
      kind: 'config',
      message: 'service not found: "none"',
    });
  });

  it('goes on to the next host when one is dead or refuses connections for now', async () => {
    const dead = await freePort();
    const server = await connect(
      tcp({ PGHOST: `/nowhere,127.0.0.1,localhost`, PGPORT: `${dead},${dead},${primary.port}` }),
    );
    expect(server.location).toBe(`localhost:${primary.port}`);
  });

  it('names every place that it tried, each with its reason, and what to set', async () => {
    const dead = await freePort();
    const error = await failure(
      tcp({ PGHOST: `/nowhere,127.0.0.1`, PGPORT: String(dead), PGUSER: 'nobody-here', PGPASSWORD: 'hidden' }),
    );
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ hint: expect.stringContaining('PGUSER') as string });
    const { message } = error as Error;
    expect(message).toContain(
      `"/nowhere/.s.PGSQL.${dead}": there is no such socket; "127.0.0.1:${dead}": connection refused`,
    );
    expect(message).not.toContain('hidden');
    expect(log.current.records.map(({ message: text }) => text)).toContain(
      'cannot connect by PGHOST and PGPORT, trying localhost:5432',
    );
  });

  it('gives a silent host up after PGCONNECT_TIMEOUT, and at once when it is interrupted', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const environment = tcp({
      PGHOST: '127.0.0.1,localhost',
      PGPORT: `${port},${primary.port}`,
      PGCONNECT_TIMEOUT: '2',
    });
    const server = await connect(environment);
    expect(server.location).toBe(`localhost:${primary.port}`);
    const controller = new AbortController();
    const waiting = connect(
      tcp({ PGHOST: '127.0.0.1', PGPORT: String(port), PGCONNECT_TIMEOUT: '0' }),
      controller.signal,
    );
    const reason = new Error('interrupted');
    setTimeout(() => controller.abort(reason), 50);
    await expect(waiting).rejects.toBe(reason);
  });

  it('takes the database "postgres" when none is named and the user has none of its own', async () => {
    await connect({ PGHOST: 'localhost', PGPORT: String(primary.port), PGUSER: 'keeper' });
    expect(await primary.value(`select datname from pg_stat_activity where usename = 'keeper'`)).toBe('postgres');
    expect(await failure(tcp({ PGUSER: 'keeper', PGDATABASE: 'missing' }))).toMatchObject({
      kind: 'config',
      hint: expect.stringContaining('PGDATABASE') as string,
    });
  });

  it('chooses among hosts by PGTARGETSESSIONATTRS', async () => {
    const standby = await startStandby(primary);
    onTestFinished(async () => standby[Symbol.asyncDispose]());
    const ports = [primary.port, standby.port];
    const among = (order: readonly number[], target: string): Environment =>
      tcp({ PGHOST: 'localhost,localhost', PGPORT: order.join(','), PGTARGETSESSIONATTRS: target });
    for (const order of [ports, ports.toReversed()]) {
      for (const target of ['primary', 'read-write']) {
        expect((await connect(among(order, target))).location).toBe(`localhost:${primary.port}`);
      }
      for (const target of ['standby', 'read-only', 'prefer-standby']) {
        expect((await connect(among(order, target))).location).toBe(`localhost:${standby.port}`);
      }
    }
    expect((await connect(tcp({ PGTARGETSESSIONATTRS: 'prefer-standby' }))).inRecovery).toBe(false);
    expect(await failure(tcp({ PGTARGETSESSIONATTRS: 'standby' }))).toMatchObject({
      message: expect.stringContaining('PGTARGETSESSIONATTRS asks for: "standby"') as string,
    });
  });

  describe('with passwords', () => {
    it.each(['scram-sha-256', 'md5', 'password'])(
      'answers the method %s from PGPASSWORD or a password file',
      async (method) => {
        await authenticate(`host all keeper all ${method}`);
        const passfile = join(home.path, 'passwords');
        writeFileSync(
          passfile,
          '# a comment\n*:*:*:somebody:wrong\nlocalhost:*:postgres:keeper:secret\\:\\\\word\n*:*:*:*:wrong\n',
        );
        chmodSync(passfile, 0o600);
        await connect(tcp({ PGUSER: 'keeper', PGPASSWORD: 'secret:\\word' }));
        await connect(tcp({ PGUSER: 'keeper', PGPASSFILE: passfile }));
        expect(await failure(tcp({ PGUSER: 'keeper', PGPASSWORD: 'wrong-one' }))).toMatchObject({
          kind: 'forbidden',
          hint: expect.stringContaining('PGPASSWORD') as string,
          message: expect.not.stringContaining('wrong-one') as string,
        });
      },
    );

    it('finds ~/.pgpass, and leaves it alone when others may read it', async () => {
      await authenticate('local all keeper scram-sha-256');
      const file = join(home.path, '.pgpass');
      writeFileSync(file, `${primary.socketDirectory}:${primary.port}:postgres:keeper:secret\\:\\\\word\n`, {
        mode: 0o600,
      });
      const environment = { ...primary.environment, PGUSER: 'keeper' };
      await connect(environment);
      chmodSync(file, 0o644);
      expect(await failure(environment)).toMatchObject({
        kind: 'forbidden',
        message: expect.stringContaining('asks for the password of "keeper"') as string,
      });
      expect(log.current.records).toContainEqual(
        expect.objectContaining({
          level: 'warn',
          fields: { file },
          message: expect.stringContaining('0600') as string,
        }),
      );
    });

    it('does not offer the password to the next host when one refuses it', async () => {
      await authenticate('host all keeper all scram-sha-256');
      const error = await failure(tcp({ PGUSER: 'keeper', PGPASSWORD: 'wrong', PGHOST: 'localhost,127.0.0.1' }));
      expect((error as ConnectError).attempts).toHaveLength(1);
    });
  });

  it('uses no TLS when the server has none and PGSSLMODE lets it, and refuses when it does not', async () => {
    for (const PGSSLMODE of ['prefer', 'allow', 'disable']) {
      await connect(tcp({ PGSSLMODE }));
      expect(await isEncrypted()).toBe(false);
    }
    expect(await failure(tcp({ PGSSLMODE: 'require' }))).toMatchObject({
      message: expect.stringContaining('does not support SSL') as string,
    });
    expect(await failure(tcp({ PGSSLMODE: 'verify-full' }))).toMatchObject({
      kind: 'config',
      hint: expect.stringContaining('PGSSLROOTCERT') as string,
    });
  });

  describe.runIf(canMakeCertificates())('with TLS', () => {
    let certificates: Certificates;
    let wrong: TemporaryDirectory;

    beforeAll(async () => {
      wrong = await temporaryDirectory();
      const folder = join(wrong.path, 'right');
      mkdirSync(folder);
      certificates = issueCertificates(folder, primary.dataDirectory);
      appendFileSync(join(primary.dataDirectory, 'postgresql.conf'), `ssl = on\nssl_ca_file = 'root.crt'\n`);
      await primary.reload();
    });

    afterAll(async () => {
      await wrong[Symbol.asyncDispose]();
    });

    it('encrypts unless it is told not to', async () => {
      for (const [PGSSLMODE, encrypted] of [
        ['disable', false],
        ['allow', false],
        ['prefer', true],
        ['require', true],
      ] as const) {
        await using server = await connect(tcp({ PGSSLMODE }));
        expect([PGSSLMODE, await isEncrypted(), server.location]).toEqual([
          PGSSLMODE,
          encrypted,
          `localhost:${primary.port}`,
        ]);
      }
    });

    it('verifies the authority, and with verify-full the name of the host', async () => {
      const trusted = { PGSSLROOTCERT: certificates.authority };
      await connect(tcp({ PGSSLMODE: 'verify-full', ...trusted }));
      expect(await isEncrypted()).toBe(true);
      await connect(tcp({ PGSSLMODE: 'verify-ca', PGHOST: '127.0.0.1', ...trusted }));
      await connect(tcp({ PGSSLMODE: 'verify-full', PGHOSTADDR: '127.0.0.1', ...trusted }));
      expect(await failure(tcp({ PGSSLMODE: 'verify-full', PGHOST: '127.0.0.1', ...trusted }))).toMatchObject({
        message: expect.stringContaining("does not match certificate's altnames") as string,
      });
      for (const PGSSLMODE of ['verify-ca', 'verify-full']) {
        // A certificate of its own proves nothing about the server's.
        const error = await failure(tcp({ PGSSLMODE, PGSSLROOTCERT: certificates.clientCertificate }));
        expect(error).toMatchObject({ kind: 'unavailable' });
        expect((error as Error).message).toMatch(/certificate/);
      }
    });

    it('finds the authority in ~/.postgresql, and then verifies with "require" too', async () => {
      mkdirSync(join(home.path, '.postgresql'));
      onTestFinished(async () => (await import('node:fs')).rmSync(join(home.path, '.postgresql'), { recursive: true }));
      symlinkSync(certificates.authority, join(home.path, '.postgresql', 'root.crt'));
      await connect(tcp({ PGSSLMODE: 'verify-full' }));
      expect(
        await failure(tcp({ PGSSLMODE: 'require', PGSSLROOTCERT: certificates.clientCertificate })),
      ).toBeInstanceOf(ConnectError);
    });

    it('refuses a server whose certificate was revoked', async () => {
      const environment = { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: certificates.authority };
      expect(await failure(tcp({ ...environment, PGSSLCRL: certificates.revocations }))).toMatchObject({
        message: expect.stringContaining('revoked') as string,
      });
    });

    it('shows a client certificate, whose key others must not read', async () => {
      await authenticate('hostssl all postgres all cert', 'host all postgres all reject');
      const environment = { PGSSLCERT: certificates.clientCertificate, PGSSLKEY: certificates.clientKey };
      for (const PGSSLMODE of ['prefer', 'require']) await connect(tcp({ PGSSLMODE, ...environment }));
      expect(await failure(tcp({ PGSSLMODE: 'require' }))).toMatchObject({ kind: 'forbidden' });
      chmodSync(certificates.clientKey, 0o644);
      onTestFinished(() => chmodSync(certificates.clientKey, 0o600));
      expect(await failure(tcp({ PGSSLMODE: 'require', ...environment }))).toMatchObject({
        kind: 'config',
        message: expect.stringContaining('may read the key') as string,
      });
    });

    it('falls back as pg_hba.conf asks: to clear from "prefer", to TLS from "allow"', async () => {
      await authenticate('hostnossl all keeper all trust', 'hostssl all keeper all reject');
      await connect(tcp({ PGUSER: 'keeper', PGSSLMODE: 'prefer' }));
      expect(await failure(tcp({ PGUSER: 'keeper', PGSSLMODE: 'require' }))).toMatchObject({ kind: 'forbidden' });
      await authenticate('hostssl all keeper all trust', 'hostnossl all keeper all reject');
      await connect(tcp({ PGUSER: 'keeper', PGSSLMODE: 'allow' }));
      expect(await failure(tcp({ PGUSER: 'keeper', PGSSLMODE: 'disable' }))).toMatchObject({ kind: 'forbidden' });
    });

    it.runIf(major >= 17)('begins with the handshake when asked', async () => {
      const environment = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: certificates.authority };
      await connect(tcp({ ...environment, PGSSLNEGOTIATION: 'direct' }));
      expect(await isEncrypted()).toBe(true);
    });

    it('binds a scram password to the TLS channel when asked', async () => {
      await authenticate('hostssl all keeper all scram-sha-256');
      await connect(
        tcp({ PGUSER: 'keeper', PGPASSWORD: 'secret:\\word', PGSSLMODE: 'require', PGCHANNELBINDING: 'prefer' }),
      );
    });

    it('never encrypts on a socket', async () => {
      await connect({ ...primary.environment, PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/nowhere' });
      expect(await isEncrypted()).toBe(false);
    });
  });
});
