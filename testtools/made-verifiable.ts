/** An archive that tests make up and verify: a full backup, a delta on it, and the WAL of both; and its verification in this thread. */
import { collect, fromBytes } from '../src/bytes/stage.ts';
import { crc32c } from '../src/bytes/crc32c.ts';
import { tarPartitionsFolder, walKey } from '../src/catalog/layout.ts';
import { rawSettings } from '../src/config/setting.ts';
import type { Transport } from '../src/pipeline/transport.ts';
import type { WorkerPool } from '../src/pipeline/worker-pool.ts';
import type { WorkerContext } from '../src/pipeline/worker-thread.ts';
import { silentLogger } from '../src/platform/logger.ts';
import { createBudget } from '../src/catalog/verify/budget.ts';
import type { VerifyServices } from '../src/postgres/verify/verify-backup.ts';
import { runVerifyPart, type VerifyPartJob } from '../src/postgres/verify/verify-part.ts';
import { runVerifySegment, type VerifySegmentJob } from '../src/postgres/verify/verify-segment.ts';
import { segmentName } from '../src/postgres/wal-segment.ts';
import type { Key, Storage } from '../src/storage/storage.ts';
import { fakeClock } from './fake-clock.ts';
import { madeControl, putTar } from './made-backup.ts';
import { linkName, madeIncrement, makeChain, type MadeFile } from './made-chain.ts';
import { MadeWal, switchRecord, type MadeRecord } from './made-wal.ts';
import { madePage } from './pages.ts';

/** Size of its WAL segments. */
export const verifiableSegmentBytes = 1 << 20;
/** The cluster that made WAL is of. */
export const madeCluster = 7n;
export const fullName = linkName(0);
export const deltaName = linkName(1);
/** The files that change from the full backup to the delta: of four pages, then six. */
export const tableName = '/base/5/16384';

/** Where the backups start. */
const starts = [0x2000028n, 0x4000028n] as const;

/** A page of the table, older than both backups. */
export function tablePage(block: number): Uint8Array {
  return madePage({ lsn: 0x1800000n, block, filling: block + 1 });
}

/** What is special about an archive. */
export interface Verifiable {
  /** Pages of the table in the full backup. */
  readonly fullPages?: readonly Uint8Array[];
  /** Its member in the delta. */
  readonly increment?: Uint8Array;
  /** Records of the full backup's WAL. */
  readonly records?: readonly MadeRecord[];
}

/** Makes it. */
export async function makeVerifiable(storage: Storage, made: Verifiable = {}): Promise<void> {
  const { fullPages = [0, 1, 2, 3].map(tablePage), records = [] } = made;
  const increment =
    made.increment ??
    madeIncrement(
      6,
      [1, 4, 5].map((block) => [block, tablePage(block)] as const),
    );
  const common = {
    recordsParts: true,
    sentinel: { systemIdentifier: madeCluster },
    partOf: (index: number) => index + 1,
  };
  const full: readonly MadeFile[] = [
    { kind: 'whole', name: tableName, content: Buffer.concat(fullPages) },
    { kind: 'whole', name: '/base/5/PG_VERSION', content: '17\n' },
    { kind: 'whole', name: '/postgresql.auto.conf', content: '# by hand' },
  ];
  const delta: readonly MadeFile[] = [
    { kind: 'increment', name: tableName, content: increment },
    { kind: 'skipped', name: '/base/5/PG_VERSION' },
    { kind: 'whole', name: '/postgresql.auto.conf', content: '# by hand, anew' },
  ];
  await makeChain(storage, [
    { ...common, files: full },
    { ...common, files: delta },
  ]);
  for (const [index, start] of starts.entries()) {
    const folder = tarPartitionsFolder(linkName(index));
    await putTar(storage, `${folder}/pg_control.tar`, [{ name: '/global/pg_control', content: controlAt(start) }]);
    const number = start / BigInt(verifiableSegmentBytes);
    const wal = new MadeWal({ segmentBytes: verifiableSegmentBytes, first: Number(number) });
    for (const record of index === 0 ? records : []) wal.add(record);
    for (let filling = 0; filling < 8; filling += 1) wal.add({ data: new Uint8Array(64) });
    wal.add(switchRecord);
    const [segment = Buffer.alloc(0)] = wal.segments();
    await put(storage, walKey(segmentName({ timeline: 1, number }, verifiableSegmentBytes)), segment);
  }
}

/** `pg_control` of the cluster with its checkpoint there. */
export function controlAt(checkpoint: bigint, systemIdentifier = madeCluster): Uint8Array {
  const bytes = Buffer.from(madeControl);
  bytes.writeBigUInt64LE(systemIdentifier, 0);
  bytes.writeBigUInt64LE(checkpoint, 32);
  bytes.writeBigUInt64LE(checkpoint, 40);
  bytes.writeUInt32LE(verifiableSegmentBytes, 228);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 288)), 288);
  return bytes;
}

/** Replaces an object. */
export async function put(storage: Storage, key: Key, bytes: Uint8Array): Promise<void> {
  await storage.write(key, fromBytes(bytes));
}

/** Changes an object: `change` gets its bytes, and gives those that take their place. */
export async function damage(storage: Storage, key: Key, change: (bytes: Buffer) => Uint8Array): Promise<void> {
  await put(storage, key, change(await collect(await storage.read(key), 1 << 30)));
}

/** What verifying needs, all of it in this thread. */
export function verifyServices(
  transport: Transport,
  {
    budgetBytes,
    signal = new AbortController().signal,
  }: { readonly budgetBytes?: number; readonly signal?: AbortSignal } = {},
): VerifyServices {
  const pool = verifyPool(transport, signal);
  return {
    ...{ transport, archive: transport, pool, archivePool: pool, signal },
    clock: fakeClock(),
    logger: silentLogger,
    retries: 0,
    concurrency: 2,
    segmentBytes: verifiableSegmentBytes,
    budget: createBudget(budgetBytes),
  };
}

function verifyPool(transport: Transport, signal: AbortSignal): Pick<WorkerPool, 'run'> {
  const context: WorkerContext = {
    settings: rawSettings({}),
    ...{ transport, signal },
    logger: silentLogger,
    diskLimiter: undefined,
    progress() {
      signal.throwIfAborted();
    },
  };
  return {
    async run<R>(job: { readonly kind: string }) {
      const given = structuredClone(job) as VerifyPartJob | VerifySegmentJob;
      const result =
        given.kind === 'verifyPart' ? await runVerifyPart(context, given) : await runVerifySegment(context, given);
      return structuredClone(result) as R;
    },
  };
}
