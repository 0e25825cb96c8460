import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/platform/logger.ts';
import type { PushOptions } from '../../../../src/postgres/backup/push-options.ts';
import { pageOptionsOf } from '../../../../src/postgres/backup/push-planned.ts';
import type { BackupSession } from '../../../../src/postgres/backup/session.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import type { PostgresServer, ServerFacts } from '../../../../src/postgres/server/server.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const session = { base: undefined, startLsn: toLsn(5n) } as BackupSession;
const facts = { dataChecksums: true, blockBytes: 8192, relationSegmentPages: 131_072 };

function verifiedBefore(server: Partial<ServerFacts>, logger = silentLogger): bigint | undefined {
  const options = { verify: { enabled: true, blocksKept: 10 }, logger } as PushOptions;
  return pageOptionsOf(session, { ...facts, ...server } as PostgresServer, options).verifiedBefore;
}

describe('pageOptionsOf', () => {
  it('has checksums verified where there are some', () => {
    expect(verifiedBefore({})).toBe(5n);
    expect(verifiedBefore({ dataChecksums: false })).toBeUndefined();
  });

  it.each([{ blockBytes: 16_384 }, { relationSegmentPages: 262_144 }])(
    'has none verified of a server with %o, whose pages it would count wrongly',
    (server) => {
      const logger = recordingLogger();
      expect(verifiedBefore(server, logger)).toBeUndefined();
      expect(logger.records[0]?.message).toContain('built with another size');
    },
  );
});
