import { copyFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { connectServer } from '../../src/mysql/server/connect.ts';
import type { MysqlServer } from '../../src/mysql/server/server.ts';
import { hasMariadb, whyNoMariadb } from '../../testtools/mariadb/programs.ts';
import { startMariadb, type MariadbServer } from '../../testtools/mariadb/server.ts';
import { canMakeCertificates, selfSignedCertificate } from '../../testtools/postgres/certificates.ts';
import { giveToServer } from '../../testtools/postgres/server-user.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';

const password = 'pä ss/@:w#"';

function connect(text: string, more: Readonly<Record<string, string>> = {}, logger = recordingLogger()) {
  return connectServer(rawSettings({ WALG_MYSQL_DATASOURCE_NAME: text, ...more }), { logger });
}

async function cipherOf(server: MysqlServer): Promise<string> {
  const [row] = await server.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  return row?.['Value'] ?? '';
}

describe.skipIf(!hasMariadb)(`connections to MariaDB${whyNoMariadb}`, () => {
  let server: MariadbServer;
  let authority = '';
  beforeAll(async () => {
    server = await startMariadb();
    await server.query(
      `INSTALL SONAME 'auth_ed25519';
       CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('${password}'); GRANT ALL ON *.* TO ed@'%';
       CREATE USER native@'%' IDENTIFIED BY '${password}'; GRANT SELECT ON *.* TO native@'%';`,
    );
    if (!canMakeCertificates()) return;
    selfSignedCertificate(server.folder);
    authority = join(server.folder, 'ca.pem');
    copyFileSync(join(server.folder, 'self.crt'), authority);
    const [key, cert] = [join(server.folder, 'self.key'), join(server.folder, 'self.crt')];
    for (const path of [key, cert]) giveToServer(path);
    await server.stop();
    await server.start({ ssl_key: key, ssl_cert: cert });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('tell what the server is, and where its binary log is', async () => {
    await using connected = await connect(server.datasource);
    expect(connected).toMatchObject({ flavor: 'mariadb', serverId: 1, serverUuid: undefined, location: server.socket });
    expect(connected.version).toMatch(/^\d+\.\d+\.\d+-MariaDB/);
    await connected.flushBinaryLogs();
    const logs = await connected.binaryLogs();
    const active = await connected.activeBinlog();
    expect(logs.map(({ name }) => name)).toEqual(await server.binlogs());
    expect(active).toMatchObject({ name: logs.at(-1)?.name, position: logs.at(-1)?.sizeBytes });
    expect(active?.gtid).toBe(await server.value('SELECT @@global.gtid_binlog_pos'));
    expect(await connected.executedGtids()).toBe(active?.gtid);
    const variables = await connected.variables(['log_bin', 'binlog_format', 'nonsense']);
    expect(Object.fromEntries(variables)).toEqual({ log_bin: 'ON', binlog_format: 'ROW' });
    await expect(connected.query('SELECT nonsense')).rejects.toMatchObject({ errno: 1054, sqlState: '42S22' });
    const [row] = await connected.query("SELECT 9007199254740993 AS n, NULL AS nothing, 'é' AS e");
    expect(row).toEqual({ n: '9007199254740993', nothing: null, e: 'é' });
  });

  it.each(['ed', 'native'])('take any password, by the plugin of %s', async (user) => {
    await using classic = await connect(`${user}:${password}@127.0.0.1:${server.port}/mysql`);
    await using uri = await connect(`mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/`);
    for (const connected of [classic, uri]) {
      expect((await connected.query('SELECT CURRENT_USER() AS u'))[0]?.['u']).toBe(`${user}@%`);
    }
  });

  it('that are refused say why, without the password', async () => {
    const attempt = connect(`native:wrong-secret@127.0.0.1:${server.port}/`);
    await expect(attempt).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(attempt).rejects.toThrow('Access denied');
    await expect(attempt).rejects.not.toThrow('wrong-secret');
    await expect(connect(`native:${password}@unix(/no/such)/`)).rejects.toThrow('there is no such socket');
    await expect(connect(`root@127.0.0.1:${server.port}/nowhere`)).rejects.toMatchObject({ kind: 'config' });
    await expect(connect(`root@127.0.0.1:1/`)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('go to localhost when the host that was named cannot be connected to, and tell so', async () => {
    const logger = recordingLogger();
    await using connected = await connect(`root@127.0.0.2:${server.port}/`, {}, logger);
    expect(connected.location).toBe(`localhost:${server.port}`);
    expect(logger.records).toMatchObject([{ level: 'warn', fields: { reason: 'connection refused' } }]);
    await expect(connect('root@127.0.0.2:1/')).rejects.toThrow(
      /at 127\.0\.0\.2:1: connection refused; and at localhost: /,
    );
  });

  it('give up a server that says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => silent.once('listening', listening));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await expect(connect(`root@127.0.0.1:${port}/?timeout=300ms`)).rejects.toThrow('no answer in time');
    silent.close();
    await using connected = await connect(`${server.datasource}?readTimeout=300ms`);
    await expect(connected.query('SELECT SLEEP(60)')).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(connected.query('SELECT 1')).rejects.toThrow('is lost');
  });

  it('are encrypted as ssl-mode says, and checked against the authorities', async (context) => {
    if (!existsSync(authority)) context.skip('openssl is not here');
    const at = `mysql://root@127.0.0.1:${server.port}/?ssl-mode=`;
    for (const [text, isEncrypted] of [
      [`${at}DISABLED`, false],
      [`${at}PREFERRED`, true],
      [`${at}REQUIRED`, true],
      [`${at}VERIFY_IDENTITY&ssl-ca=${authority}`, true],
      [`${at}VERIFY_CA&ssl-ca=${authority}`, true],
    ] as const) {
      await using connected = await connect(text);
      expect([text, (await cipherOf(connected)) !== '']).toEqual([text, isEncrypted]);
    }
    await using set = await connect(`root@127.0.0.1:${server.port}/`, { WALG_MYSQL_SSL_CA: authority });
    expect(await cipherOf(set)).not.toBe('');
    await expect(connect(`${at}VERIFY_CA`)).rejects.toMatchObject({ kind: 'config' });
    // Its certificate is that of 127.0.0.1.
    await expect(
      connect(`mysql://root@localhost:${server.port}/?ssl-mode=VERIFY_IDENTITY&ssl-ca=${authority}`),
    ).rejects.toMatchObject({ kind: 'config' });
    await using named = await connect(`mysql://root@localhost:${server.port}/?ssl-mode=VERIFY_CA&ssl-ca=${authority}`);
    expect(await cipherOf(named)).not.toBe('');
  });
});
