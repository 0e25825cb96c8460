/** The state of an archive that had a life: a switch of timelines, a gap, a backup that is of no use, a policy, a server. */
import { timeOfDate } from '../src/catalog/time.ts';
import { parseLsn } from '../src/postgres/lsn.ts';
import { archiveStatus, type ArchiveStatus, type StatusFacts } from '../src/postgres/status/archive-status.ts';
import type { AnsweringServer } from '../src/postgres/status/server-state.ts';
import type { VerifyReport } from '../src/catalog/verify/report.ts';
import { madeInventory, type MadeArchive } from './made-inventory.ts';

/** The moment of {@link madeStatus}. */
export const madeNow = new Date('2026-11-21T12:00:00Z');

const day = (count: number, hour = 2): Date => new Date(Date.UTC(2026, 10, count, hour));

/** A server that has just archived. */
export const madeServer: AnsweringServer = {
  kind: 'answered',
  location: 'db1:5432',
  version: 170_010,
  inRecovery: false,
  systemIdentifier: 7n,
  segmentBytes: 16 * 1024 * 1024,
  timeline: 2,
  lsn: parseLsn('0/1D300000'),
  archiving: { mode: 'on', command: 'walvault wal-push %p', library: '', active: true },
  archiver: {
    archivedCount: 29n,
    lastArchivedWal: '00000002000000000000001C',
    lastArchivedTime: new Date('2026-11-21T11:58:00Z'),
    failedCount: 3n,
    lastFailedWal: '000000020000000000000010',
    lastFailedTime: day(15),
  },
  waitingFiles: 0,
};

const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Two segments a day from November 7 on; the number of a segment is twice the day of the month less 12. */
const archive: MadeArchive = {
  backups: [
    { start: '0/2000028', finish: '0/2000100', finished: day(7), bytes: 2_100_000_000 },
    {
      ...{ start: '0/6000028', finish: '0/6000100', finished: day(9), bytes: 310_000_000 },
      parent: 'base_000000010000000000000002',
    },
    { start: '0/C000028', finish: '0/C000100', finished: day(12), bytes: 2_150_000_000 },
    {
      start: '0/10000028',
      finish: '0/10000100',
      timeline: 2,
      finished: day(14),
      bytes: 2_200_000_000,
      isPermanent: true,
    },
    {
      ...{ start: '0/16000028', finish: '0/16000100', timeline: 2, finished: day(17), bytes: 420_000_000 },
      parent: 'base_000000020000000000000010',
    },
    {
      ...{ start: '0/18000028', finish: '0/18000100', timeline: 2, finished: day(18), bytes: 300_000_000 },
      parent: 'base_000000020000000000000009',
    },
    { start: '0/1A000028', finish: '0/1A000100', timeline: 2, finished: day(19), bytes: 2_300_000_000 },
  ],
  segments: { 1: [...numbers(1, 7), ...numbers(10, 14)], 2: numbers(14, 28) },
  histories: { 2: '1\t0/E000500\tno recovery target specified\n' },
  storedAt: (_timeline, number) =>
    number === 28 ? new Date('2026-11-21T11:58:00Z') : new Date(Date.UTC(2026, 10, 6, 3 + number * 12)),
};

const report: VerifyReport = {
  backup: 'base_000000020000000000000010',
  startTime: timeOfDate(new Date(day(14).getTime() - 60_000)),
  bases: [],
  status: 'proven',
  provenAt: timeOfDate(day(20)),
  checkedAt: timeOfDate(day(20)),
  objects: { read: 4, total: 4 },
  bytes: { read: 10, total: 10 },
  problems: [],
  problemCount: 0,
  notes: [],
  round: undefined,
};

/** @param changes to what it is made of */
export function madeStatus(changes: Partial<StatusFacts> = {}): ArchiveStatus {
  const inventory = madeInventory(archive);
  const wal = inventory.wal.map((one) =>
    one.kind === 'timeline history' ? { ...one, object: { ...one.object, modified: day(13, 9) } } : one,
  );
  return archiveStatus({
    now: madeNow,
    location: 's3://backups/db1',
    storagesAway: [],
    server: madeServer,
    inventories: [{ ...inventory, wal }],
    reports: new Map([[report.backup, report]]),
    policy: {
      lines: [{ rule: 'keep daily 7', keeps: [], note: undefined }],
      going: ['base_000000010000000000000002', 'base_000000010000000000000006_D_000000010000000000000002'],
      deletes: { objects: 14, bytes: 2_410_000_000 },
      logs: 7,
    },
    ...changes,
  });
}
