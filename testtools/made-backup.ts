/** Backups made by tests: tar parts, metadata and sentinel in a storage in memory, whole or damaged on purpose. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TarHeader } from '../src/archive/header.ts';
import { writeTar, type TarMember } from '../src/archive/writer.ts';
import { fromBytes } from '../src/bytes/stage.ts';
import { filesMetadataKey, sentinelKey, tarPartitionsFolder } from '../src/catalog/layout.ts';
import { noneCodec } from '../src/codecs/none.ts';
import type { Transport } from '../src/pipeline/transport.ts';
import type { WorkerPool } from '../src/pipeline/worker-pool.ts';
import type { WorkerContext } from '../src/pipeline/worker-thread.ts';
import { rawSettings } from '../src/config/setting.ts';
import { silentLogger } from '../src/platform/logger.ts';
import { runFetchPart, type FetchPartJob } from '../src/postgres/backup/fetch-part.ts';
import { formatFilesMetadata, type DatabaseEntry } from '../src/postgres/backup/files-metadata.ts';
import { formatSentinel, parseSentinel, type Sentinel } from '../src/postgres/backup/sentinel.ts';
import type { TablespaceSpec } from '../src/postgres/backup/tablespace-spec.ts';
import { createMemoryStorage } from '../src/storage/memory/memory-storage.ts';
import type { Storage } from '../src/storage/storage.ts';

/** Bytes of a valid `pg_control` of PostgreSQL 17. */
export const madeControl: Uint8Array = readFileSync(
  join(resolve(import.meta.dirname, '..'), 'test', 'fixtures', 'server-files', 'pg17.pg_control'),
);

/** A label that goes with {@link madeSentinel}. */
export const madeLabel = 'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nBACKUP METHOD: streamed\n';

/** Name of the backup that {@link makeBackup} makes unless told otherwise. */
export const madeName = 'base_000000010000000000000002';

/** A member of a part: a name and what is special about it. */
export interface MadeMember extends Partial<TarHeader> {
  readonly name: string;
  readonly content?: string | Uint8Array;
}

/** A member for {@link tarOf}: a directory when the type says so, else a file with the content. */
export function memberOf({ content = '', ...given }: MadeMember): TarMember {
  const bytes = Buffer.from(content);
  const header: TarHeader = {
    type: 'file',
    mode: given.type === 'directory' ? 0o700 : 0o600,
    uid: 0,
    gid: 0,
    sizeBytes: bytes.length,
    mtimeSeconds: 0,
    linkName: '',
    userName: '',
    groupName: '',
    ...given,
  };
  let at = 0;
  return {
    header,
    open: () => ({
      read(target) {
        const length = bytes.copy(target, 0, at);
        at += length;
        return length;
      },
      close() {
        // nothing was opened
      },
    }),
  };
}

/** Puts a tar of these members into the storage, not compressed. */
export async function putTar(storage: Storage, key: string, members: readonly MadeMember[]): Promise<void> {
  await storage.write(key, writeTar(members.map(memberOf)));
}

/** What {@link makeBackup} makes. */
export interface MadeBackup {
  readonly name?: string;
  /** Members by part, such as `part_001.tar`. */
  readonly parts: Readonly<Record<string, readonly MadeMember[]>>;
  /** Names in the files metadata; default: every member of the ordinary parts; null: no files metadata. */
  readonly files?: readonly string[] | null;
  /** Those of them whose member is an increment. */
  readonly increments?: readonly string[];
  /** Names in the files metadata that have no member. */
  readonly skipped?: readonly string[];
  readonly databases?: ReadonlyMap<string, DatabaseEntry>;
  readonly tarFileSets?: Readonly<Record<string, readonly string[]>>;
  readonly tablespaces?: TablespaceSpec;
  readonly sentinel?: Partial<Sentinel>;
}

/** The parts that every backup has: pg_control and the label. */
export const lastParts: Readonly<Record<string, readonly MadeMember[]>> = {
  'pg_control.tar': [{ name: '/global/pg_control', content: madeControl }],
  'backup_label.tar': [
    { name: 'backup_label', content: madeLabel },
    { name: 'tablespace_map', content: '' },
  ],
};

/** Makes a backup; returns its sentinel. */
export async function makeBackup(storage: Storage, made: MadeBackup): Promise<Sentinel> {
  const { name = madeName, parts, tarFileSets = {}, increments = [], skipped = [], databases } = made;
  for (const [part, members] of Object.entries(parts)) {
    await putTar(storage, `${tarPartitionsFolder(name)}/${part}`, members);
  }
  const ordinary = Object.entries(parts).filter(([part]) => part.startsWith('part_'));
  const files =
    made.files === undefined ? ordinary.flatMap(([, members]) => members.map((one) => one.name)) : made.files;
  if (files !== null) {
    const entry = { isIncremented: false, isSkipped: false, modified: 0n, updatesCount: 0 };
    const text = formatFilesMetadata({
      files: [...files, ...skipped].map(
        (file) =>
          [file, { ...entry, isIncremented: increments.includes(file), isSkipped: skipped.includes(file) }] as const,
      ),
      tarFileSets: Object.entries(tarFileSets),
      databases,
    });
    await storage.write(filesMetadataKey(name), text);
  }
  const plain = parseSentinel('{"LSN":33554472,"PgVersion":170010,"FinishLSN":33554736,"UncompressedSize":0}');
  const sentinel = {
    ...plain,
    filesMetadataDisabled: files === null,
    tablespaces: made.tablespaces,
    ...made.sentinel,
  } as Sentinel;
  await storage.write(sentinelKey(name), fromBytes(Buffer.from(formatSentinel(sentinel))));
  return sentinel;
}

/** A transport over a storage (in memory by default) that writes without compression. */
export function plainTransport(storage: Storage = createMemoryStorage()): Transport {
  return { storage, codec: noneCodec, crypter: undefined };
}

/** A pool that unpacks parts in this thread. */
export function localPool(transport: Transport, signal = new AbortController().signal): WorkerPool {
  let doneBytes = 0;
  const context: WorkerContext = {
    settings: rawSettings({}),
    transport,
    signal,
    logger: silentLogger,
    diskLimiter: undefined,
    progress(bytes) {
      signal.throwIfAborted();
      doneBytes += bytes;
    },
  };
  return {
    run: <R>(job: { readonly kind: string }) =>
      runFetchPart(context, structuredClone(job) as FetchPartJob) as Promise<R>,
    bytesDone: () => doneBytes,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
