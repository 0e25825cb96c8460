/** Unpacks one tar part of a backup, in a worker thread: read, decode and write in one loop. */
import type { TarHeader } from '../../archive/header.ts';
import { readTar, type TarSink } from '../../archive/reader.ts';
import { counted } from '../../bytes/stage.ts';
import { decoding } from '../../pipeline/transport.ts';
import type { WorkerJob } from '../../pipeline/worker-protocol.ts';
import type { WorkerContext } from '../../pipeline/worker-thread.ts';
import type { Key } from '../../storage/storage.ts';
import type { SharedPageMaps } from '../pages/page-maps.ts';
import { controlFilePath } from '../pgdata.ts';
import { openWanted } from '../restore/wanted.ts';
import { heldBackControlPath } from './complete-restore.ts';
import { namingObject } from './corrupt-object.ts';
import { globMatcher } from '../../catalog/glob.ts';
import { HostileMemberError, memberPath, type MemberPath } from './member-path.ts';
import { openRestoreTarget, type RestoreLayout } from './restore-target.ts';

/** One part to unpack. */
export interface FetchPartJob extends WorkerJob {
  readonly kind: 'fetchPart';
  readonly key: Key;
  readonly layout: RestoreLayout;
  /** What to take of it; undefined: everything. */
  readonly wanted: WantedFiles | undefined;
  /** The newest backup of its chain, whose directories, links and label count. */
  readonly isNewest: boolean;
  /** Only files that match, see {@link globMatcher}, are written. */
  readonly mask: string | undefined;
  /** Files and directories that are not written or made, though they are there. */
  readonly leaveOut: readonly MemberPath[];
  readonly durable: boolean;
  /** What is there already is compared, and only what differs is written. */
  readonly inPlace: boolean;
}

/** The files of a restore, and what is taken of them from one backup: memory that all threads share. */
export interface WantedFiles {
  /** For {@link openNameSet}. */
  readonly names: SharedArrayBuffer;
  /** For {@link openStepFiles}. */
  readonly files: SharedArrayBuffer;
  /** Newer backups come first, and this tells what they brought; undefined: the base comes first. */
  readonly pageMaps: SharedPageMaps | undefined;
}

/** What a part held. */
export interface FetchedPart {
  /** Sum of the sizes of its members, written or not. */
  readonly memberBytes: number;
  readonly filesWritten: number;
  /** Directories; their modes are not set yet. */
  readonly directories: readonly { readonly path: MemberPath; readonly mode: number }[];
  /** Symbolic links; not made yet. */
  readonly links: readonly { readonly path: MemberPath; readonly target: string }[];
  /** Absolute paths of the directories that were written to. */
  readonly touched: readonly string[];
  /** Names that were passed over since they are not wanted, the first few. */
  readonly unlisted: readonly string[];
}

/** Always restored, though no list of files names them. */
const utilityNames = new Set(['backup_label', 'tablespace_map']);
const toldNames = 5;

/** @throws CorruptError for a part that is damaged or hostile, and whatever storage and file system fail with */
export async function runFetchPart(context: WorkerContext, job: FetchPartJob): Promise<FetchedPart> {
  const { transport, signal } = context;
  const target = openRestoreTarget(job.layout, job);
  const wanted = job.wanted === undefined ? undefined : openWanted(job.wanted);
  const matches = job.mask === undefined ? undefined : globMatcher(`/${job.mask}`);
  const leaveOut = new Set(job.leaveOut);
  const directories: { path: MemberPath; mode: number }[] = [];
  const links: { path: MemberPath; target: string }[] = [];
  const unlisted: string[] = [];
  let memberBytes = 0;
  let filesWritten = 0;
  let storedBytes = 0;

  function sinkOf(path: MemberPath, header: TarHeader): TarSink | undefined {
    memberBytes += header.sizeBytes;
    const isUtility = job.isNewest && utilityNames.has(path);
    const action = wanted?.arrive(path) ?? (wanted === undefined || isUtility ? 'whole' : undefined);
    if (leaveOut.has(path)) return undefined;
    if (action === undefined) {
      if (job.isNewest && unlisted.length < toldNames) unlisted.push(path);
      return undefined;
    }
    if (path === '') throw new HostileMemberError(header.name, 'is the data directory itself');
    if (matches?.(`/${path}`) === false) return undefined;
    filesWritten += 1;
    const paged = action === 'increment' || wanted?.isBegun(path) === true;
    if (paged && wanted !== undefined) return wanted.pageSink(target, path, { action, header });
    return target.openFile(path === controlFilePath ? heldBackControlPath : path, header.mode);
  }

  const decode = await decoding(transport, job.key);
  const report = counted((bytes) => {
    context.progress(bytes);
    storedBytes += bytes;
  });
  try {
    await readTar(decode(report(await transport.storage.read(job.key, { signal }))), (header) => {
      const path = memberPath(header.name);
      switch (header.type) {
        case 'directory':
          wanted?.arrive(path);
          if (!job.isNewest || leaveOut.has(path)) return undefined;
          target.makeDirectory(path);
          directories.push({ path, mode: header.mode });
          return undefined;
        case 'symlink':
          // Such links are never stored: this one would lead a copy into the files of the original.
          if (/^pg_tblspc\/[^/]+$/.test(path)) throw new HostileMemberError(header.name, 'is the link of a tablespace');
          if (wanted === undefined || wanted.arrive(path) !== undefined) links.push({ path, target: header.linkName });
          return undefined;
        case 'file':
          return sinkOf(path, header);
        default:
          throw new HostileMemberError(header.name, `is no file, directory or symbolic link but a ${header.type}`);
      }
    });
    await target.settled();
  } catch (error) {
    await target.settled().catch(() => undefined);
    context.progress(-storedBytes);
    throw namingObject(job.key, error);
  }
  return { memberBytes, filesWritten, directories, links, touched: target.touched(), unlisted };
}
