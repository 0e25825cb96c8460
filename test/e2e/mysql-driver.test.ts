import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli, walvaultPath, type CliResult } from '../../testtools/cli.ts';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { startMariadb, type MariadbServer } from '../../testtools/mariadb/server.ts';
import { canMakeCertificates, selfSignedCertificate } from '../../testtools/postgres/certificates.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const library = join(dirname(walvaultPath), 'lib');
const password = 'pä ss/@:w#"';

it('the pack of binlog-push starts from the code cache', () => {
  const script = `process.stdout.write(String(require(process.argv[1]).script.cachedDataRejected))`;
  const { stdout } = spawnSync(join(library, 'node'), ['-e', script, join(library, 'binlogs.js')], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('false');
});

// scripts/mysql-driver.ts leaves out parts of the driver: what a connection may need has to be there all the same.
describe.skipIf(!hasMariadb)(`the driver of the built program${whyNoMariadb}`, () => {
  let server: MariadbServer;
  let environment: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    server = await startMariadb();
    environment = { WALG_FILE_PREFIX: makeServerDirectory(join(server.folder, 'storage')), HOME: server.folder };
    await server.query(
      `INSTALL SONAME 'auth_ed25519';
       CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('${password}'); GRANT ALL ON *.* TO ed@'%';
       CREATE USER native@'%' IDENTIFIED BY '${password}'; GRANT ALL ON *.* TO native@'%';
       CREATE USER tls@'%' IDENTIFIED BY '${password}' REQUIRE SSL; GRANT ALL ON *.* TO tls@'%';`,
    );
    if (!canMakeCertificates()) return;
    selfSignedCertificate(server.folder);
    const [key, cert] = [join(server.folder, 'self.key'), join(server.folder, 'self.crt')];
    copyFileSync(cert, join(server.folder, 'ca.pem'));
    for (const path of [key, cert]) giveToServer(path);
    await server.stop();
    await server.start({ ssl_key: key, ssl_cert: cert });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const push = (datasource: string): Promise<CliResult> =>
    startCli(['binlog-push', '--json'], { env: { ...environment, WALG_MYSQL_DATASOURCE_NAME: datasource } }).ended;
  const at = (): string => `127.0.0.1:${server.port}/mysql`;

  it.each(['ed', 'native'])('logs in by the plugin of %s', async (user) => {
    expect(await push(`${user}:${password}@${at()}`)).toMatchObject({ status: 0 });
  });

  it('encrypts, and checks whom it speaks to', async (context) => {
    if (!canMakeCertificates()) context.skip('openssl is not here');
    const user = `tls:${encodeURIComponent(password)}`;
    const authorities = join(server.folder, 'ca.pem');
    expect(await push(`mysql://${user}@${at()}?ssl-mode=REQUIRED`)).toMatchObject({ status: 0 });
    expect(await push(`mysql://${user}@${at()}?ssl-mode=VERIFY_CA&ssl-ca=${authorities}`)).toMatchObject({ status: 0 });
    expect(await push(`mysql://${user}@${at()}?ssl-mode=VERIFY_CA`)).not.toMatchObject({ status: 0 });
  });

  // utf8mb3 is half known to Node, others not at all.
  it.each(['utf8_general_ci', 'latin1_swedish_ci', 'cp1251_general_ci', 'sjis_japanese_ci', 'big5_chinese_ci'])(
    'reads answers in %s',
    async (collation) => {
      const result = await push(`native:${password}@${at()}?collation=${collation}`);
      expect(result).toMatchObject({ status: 0 });
    },
  );

  it('tells the refusals of the server', async () => {
    const { status, stderr } = await push(`native:wrong@${at()}`);
    expect(status).toBe(77);
    expect(stderr).toContain('Access denied');
  });

  it('leaves the tables of character sets where they are', () => {
    const holdsTables = (file: string): boolean =>
      readFileSync(join(library, file), 'utf8').includes('iconv-lite/encodings/tables');
    expect(holdsTables('binlogs-program.js')).toBe(false);
    expect(holdsTables('character-sets.js')).toBe(true);
  });
});
