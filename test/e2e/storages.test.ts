/** A server is backed up, archived, destroyed and brought back to a moment through each kind of storage, by the built program. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { azureStore, gcsStore, s3Store, swiftStore, type FaultedStore } from '../../testtools/fault-stores.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { giveToServer, makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig } from '../../testtools/rig.ts';
import { hasAzurite } from '../../testtools/services/azurite.ts';
import { hasSeaweedFs } from '../../testtools/services/seaweedfs.ts';
import { hasSshd, startSshd } from '../../testtools/services/sshd.ts';
import { hasSwift } from '../../testtools/services/swift.ts';

type Settings = Readonly<Record<string, string>>;

/** A running server, and how the program is to be told of it. */
interface Place extends AsyncDisposable {
  readonly settings: Settings;
}

async function placeOf(start: () => Promise<FaultedStore>): Promise<Place> {
  const store = await start();
  const settings = store.settings('db', store.url);
  return { settings, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

/** Its keys are copied for the user that the database server runs as. */
async function sftpPlace(): Promise<Place> {
  const server = await startSshd();
  const folder = makeServerDirectory(makeServerTemp());
  const [key, knownHosts] = [join(folder, 'key'), join(folder, 'known_hosts')];
  copyFileSync(server.keyPath, key);
  copyFileSync(server.knownHosts, knownHosts);
  giveToServer(folder);
  return {
    settings: {
      WALG_SSH_PREFIX: `ssh://${server.host}${server.data}/db`,
      WALG_SSH_PORT: String(server.port),
      WALG_SSH_USERNAME: server.username,
      WALG_SSH_PRIVATE_KEY_PATH: key,
      WALG_SSH_KNOWN_HOSTS: knownHosts,
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const places: readonly (readonly [string, boolean, () => Promise<Place>])[] = [
  ['S3', hasSeaweedFs(), () => placeOf(s3Store)],
  ['Google Cloud Storage (a stand-in)', true, () => placeOf(gcsStore)],
  ['Azure', hasAzurite(), () => placeOf(azureStore)],
  ['Swift', hasSwift(), () => placeOf(swiftStore)],
  ['SFTP', hasSshd(), sftpPlace],
];
const major = testedMajors().at(-1);

describe.skipIf(major === undefined)('a cluster is recovered to a moment', () => {
  describe.each(places)('through %s', (_, installed, open) => {
    it.skipIf(!installed)(installed ? 'from a backup and the WAL behind it' : '(not installed here)', async () => {
      await using place = await open();
      // An empty setting is none: the folder of the rig is not chosen.
      await using rig = await openRig({ major: major ?? 0, environment: { WALG_FILE_PREFIX: '', ...place.settings } });
      const { server } = rig;
      await server.query('CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 50000) AS n');
      await rig.succeed(['backup-push', server.dataDirectory]);
      await server.query(`UPDATE numbers SET m = 'later' WHERE n % 7 = 0`);
      const fact = await factOf(server, 'numbers');
      await server.query(`SELECT pg_create_restore_point('before the mistake')`);
      await server.query('DROP TABLE numbers');
      await rig.archiveAll();
      await server.stop('immediate');
      rmSync(server.dataDirectory, { recursive: true });

      const target = join(rig.folder, 'restored');
      const wanted = ['--target-name', 'before the mistake', '--target-action', 'promote'];
      await rig.succeed(['backup-fetch', target, 'LATEST', ...wanted]);
      const restored = await rig.startRestored(target);
      await restored.waitFor('SELECT NOT pg_is_in_recovery()', { timeoutMs: 90_000 });
      expect(await factOf(restored, 'numbers')).toBe(fact);
    });
  });
});
