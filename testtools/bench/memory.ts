/** Peak memory of backups and restores, with every codec and crypter; run at several sizes to see that it stays flat. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './cluster.ts';
import { withGpgKey } from './crypto.ts';
import { compare, table } from './measure.ts';
import { asClusterUser, atMost, dataBytes, emptied, print, walvault } from './report.ts';

const goalMegabytes = 250;

/** One backup and one restore each. @returns peaks in bytes by what was run, to be set against those of another size */
export function benchMemory(cluster: BenchCluster, label: string): ReadonlyMap<string, number> {
  const work = join(cluster.folder, 'work', 'memory');
  emptied(work, cluster.user);
  const peaks = new Map<string, number>();
  withGpgKey(work, 'cv25519', (_gpg, privateKey) => {
    const openPgp = { WALG_PGP_KEY_PATH: privateKey };
    const libsodium = { WALG_LIBSODIUM_KEY: 'a3'.repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' };
    const kinds: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ['lz4', {}],
      ['zstd', { WALG_COMPRESSION_METHOD: 'zstd' }],
      ['brotli', { WALG_COMPRESSION_METHOD: 'brotli' }],
      ['lzma', { WALG_COMPRESSION_METHOD: 'lzma' }],
      ['none, OpenPGP', { WALG_COMPRESSION_METHOD: 'none', ...openPgp }],
      ['zstd, OpenPGP', { WALG_COMPRESSION_METHOD: 'zstd', ...openPgp }],
      ['none, libsodium', { WALG_COMPRESSION_METHOD: 'none', ...libsodium }],
    ];
    const results = kinds.flatMap(([kind, settings]) => measured(cluster, work, kind, settings));
    const title = `Peak memory at ${label} (${(dataBytes(cluster) / 1e9).toFixed(2)} GB)`;
    print(table(title, results, results[0]?.name ?? ''));
    for (const { name, peakBytes } of results) {
      peaks.set(name, peakBytes);
      atMost(`peak memory of ${name}, ${label}, MB`, peakBytes / 1e6, goalMegabytes);
    }
  });
  rmSync(work, { recursive: true });
  return peaks;
}

function measured(
  cluster: BenchCluster,
  work: string,
  kind: string,
  settings: Readonly<Record<string, string>>,
): ReturnType<typeof compare> {
  const storage = join(work, 'storage');
  const restored = join(work, 'restored');
  emptied(storage, cluster.user);
  rmSync(restored, { recursive: true, force: true });
  const environment = {
    PGHOST: cluster.socketDirectory,
    PGUSER: 'postgres',
    WALG_FILE_PREFIX: storage,
    HOME: work,
    ...settings,
  };
  return compare(
    [
      { name: `backup-push, ${kind}`, command: [walvault, 'backup-push', cluster.dataDirectory] },
      { name: `backup-fetch, ${kind}`, command: [walvault, 'backup-fetch', restored, 'LATEST'] },
    ].map((contender) => asClusterUser(cluster, { ...contender, environment })),
    1,
  );
}
