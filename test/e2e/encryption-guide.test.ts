import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startArchivingServer, type ArchiveSettings } from '../../testtools/archives.ts';
import { hasProgram } from '../../testtools/byte-sources.ts';
import { reachableWalvault } from '../../testtools/cli.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { asServerUser, giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

const guide = readFileSync(resolve(import.meta.dirname, '../../docs/encryption.md'), 'utf8');
const steps = [...guide.matchAll(/^```(sh|json)\n([\s\S]*?)^```$/gm)].map(([, kind = '', text = '']) => ({
  kind,
  text,
}));

const major = newestMajor();
const isRunnable = major !== undefined && ['gpg', 'openssl', 'lz4'].every((program) => hasProgram(program));

describe.skipIf(!isRunnable)('docs/encryption.md', () => {
  it('has commands that do what it says, from the first to the last', async () => {
    await using archiving = await startArchivingServer(major ?? 0);
    const { folder, server } = archiving;
    const first = archiving.makeStorage('first');
    const second = archiving.makeStorage('second');
    const etc = archiving.makeStorage('etc');
    const restored = join(folder, 'restored');
    const gnupg = makeServerDirectory(join(folder, 'gnupg'), 0o700);
    // In place of the person at the keyboard.
    writeFileSync(join(gnupg, 'passphrase'), 'correct horse battery');
    const answers = `batch\nno-tty\npinentry-mode loopback\npassphrase-file ${join(gnupg, 'passphrase')}\n`;
    writeFileSync(join(gnupg, 'gpg.conf'), answers);
    giveToServer(gnupg);
    const here = (text: string): string =>
      text
        .replaceAll('/etc/walvault', etc)
        .replaceAll('/mnt/backups/archive-2', second)
        .replaceAll('/var/lib/postgresql/17/main', server.dataDirectory)
        .replaceAll('/srv/restore', restored);
    const environment = {
      ...server.environment,
      PATH: `${dirname(reachableWalvault())}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      GNUPGHOME: gnupg,
      WALG_CONFIG_PATH: join(folder, 'current.json'),
    };
    try {
      for (const { kind, text } of steps) {
        if (kind === 'json') {
          archiving.archiveBy({ WALG_FILE_PREFIX: first, ...(JSON.parse(here(text)) as ArchiveSettings) });
          continue;
        }
        const script = `set -eu -o pipefail\n${here(text)}`;
        const { status, stderr } = spawnSync('bash', ['-c', script], {
          ...asServerUser(),
          cwd: folder,
          env: { ...environment, OBJECT: segmentIn(first) },
          encoding: 'utf8',
        });
        expect(status, `${text}\n${stderr}`).toBe(0);
      }
      expect(readdirSync(restored)).toContain('PG_VERSION');
      expect(statSync(join(folder, 'segment')).size).toBe(16 << 20);
    } finally {
      spawnSync('gpgconf', ['--kill', 'all'], { ...asServerUser(), env: environment });
    }
  });
});

/** Path of an archived segment, once there is one. */
function segmentIn(storage: string): string {
  const wal = join(storage, 'wal_005');
  const name = existsSync(wal) ? readdirSync(wal).find((one) => /^[0-9A-F]{24}\.lz4$/.test(one)) : undefined;
  return name === undefined ? '' : join(wal, name);
}
