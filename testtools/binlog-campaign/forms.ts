/** The forms that the binlogs and the objects of a campaign have. */
import type { MariadbSettings } from '../mariadb/server.ts';
import { seededRandom } from '../seeded-random.ts';

/** One of each kind, by the seed: settings of the server, and of walvault. */
export function formsOf(seed: number): {
  readonly settings: MariadbSettings;
  /** Of the servers that are restored. */
  readonly restored: MariadbSettings;
  readonly environment: Readonly<Record<string, string>>;
} {
  const random = seededRandom(seed ^ 0xf0f0);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  return {
    settings: {
      binlog_checksum: pick(['CRC32', 'CRC32', 'NONE']),
      binlog_row_image: pick(['FULL', 'FULL', 'MINIMAL', 'NOBLOB']),
      log_bin_compress: pick(['OFF', 'OFF', 'ON']),
      binlog_annotate_row_events: pick(['ON', 'OFF']),
    },
    restored: { gtid_strict_mode: pick([0, 1]), server_id: pick([1, 9]) },
    environment: {
      WALG_COMPRESSION_METHOD: pick(['lz4', 'zstd', 'brotli', 'none']),
      TZ: pick(['Etc/UTC', 'America/New_York', 'Asia/Kolkata']),
    },
  };
}
