/**
 * The walk over a data directory: which of its entries a backup holds, under which names, in WAL-G's order. Format:
 * docs/storage-layout.md (names, exclusions, tablespaces). It only looks; the content is read later, part by part.
 */
import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { createTurns } from '../../bytes/turns.ts';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { requireTablespace, tablespacesInside } from './tablespace-links.ts';

/** A member of the backup: what the walk saw, with the sizes and times of that moment. */
export interface ClusterEntry {
  /** Path relative to the data directory with a leading slash; `/` is the data directory itself. */
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Permission, setuid, setgid and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** 0 unless it is a file. */
  readonly sizeBytes: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  /** Target of a symlink, else empty. */
  readonly linkTarget: string;
}

/** A tablespace outside the data directory. */
export interface ClusterTablespace {
  /** Name of its link in `pg_tblspc`: its OID. */
  readonly oid: string;
  /** Target of the link, without a trailing slash. */
  readonly location: string;
}

/** What a walk found. */
export interface ClusterWalk {
  /** In the order of the walk; without `global/pg_control`. */
  readonly entries: readonly ClusterEntry[];
  /** `global/pg_control`, held back for a part of its own. */
  readonly controlFile: ClusterEntry | undefined;
  readonly tablespaces: readonly ClusterTablespace[];
  /** Sum of the sizes of everything that was looked at, directories and left-out files included. */
  readonly catalogBytes: number;
  /** Sum of the sizes of the files in `entries`. */
  readonly fileBytes: number;
}

/** Options of {@link walkCluster}. */
export interface WalkOptions {
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** Base names that are left out anywhere; a directory of such a name is kept, empty. */
const leftOut = new Set([
  'log',
  'pg_log',
  'pg_xlog',
  'pg_wal',
  'pgsql_tmp',
  'postgresql.auto.conf.tmp',
  'postmaster.pid',
  'postmaster.opts',
  'recovery.conf',
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_stat_tmp',
  'pg_snapshots',
  'pg_subtrans',
  'standby.signal',
]);

/**
 * Walks a data directory, depth first, names of a directory in byte order, following no links but those of tablespaces.
 * An entry that disappears meanwhile is skipped.
 *
 * @param dataDirectory absolute, symbolic links resolved
 * @throws ArchiverError (kind `forbidden`) for what may not be read, (kind `missing`) for a tablespace that is not there
 */
export async function walkCluster(dataDirectory: string, options: WalkOptions): Promise<ClusterWalk> {
  const walker = new Walker(options.logger, tablespacesInside(dataDirectory));
  const turn = createTurns();
  const steps = walker.visit(dataDirectory, '/');
  while (steps.next().done !== true) {
    options.signal?.throwIfAborted();
    await turn();
  }
  return walker.result();
}

class Walker {
  readonly #logger: Logger;
  readonly #inside: ReadonlySet<string>;
  readonly #entries: ClusterEntry[] = [];
  readonly #tablespaces: ClusterTablespace[] = [];
  #controlFile: ClusterEntry | undefined;
  #catalogBytes = 0;
  #fileBytes = 0;

  /** @param inside directories of tablespaces that lie in the data directory; what is in them comes by their links */
  constructor(logger: Logger, inside: ReadonlySet<string>) {
    this.#logger = logger;
    this.#inside = inside;
  }

  result(): ClusterWalk {
    return {
      entries: this.#entries,
      controlFile: this.#controlFile,
      tablespaces: this.#tablespaces,
      catalogBytes: this.#catalogBytes,
      fileBytes: this.#fileBytes,
    };
  }

  /** Yields once per entry, so that a long walk can give way. */
  *visit(path: string, name: string): Generator<undefined> {
    const stats = this.#look(() => lstatSync(path, { bigint: true }), path);
    if (stats === undefined) return;
    yield undefined;
    this.#catalogBytes += Number(stats.size);
    const isLeftOut = leftOut.has(baseName(name));
    if (stats.isDirectory()) {
      if (name === '/pg_tblspc') yield* this.#visitTablespaces(path);
      this.#keep(name, 'directory', stats);
      if (!isLeftOut && !this.#inside.has(path)) yield* this.#visitChildren(path, name);
    } else if (isLeftOut || isTablespaceLink(name, stats)) {
      return;
    } else if (stats.isFile()) {
      this.#keepFile(name, stats);
    } else if (stats.isSymbolicLink()) {
      const target = this.#look(() => readlinkSync(path), path);
      if (target !== undefined) this.#keep(name, 'symlink', stats, target);
    } else {
      this.#logger.warn('left out: neither a file nor a directory nor a link', { path });
    }
  }

  *#visitChildren(path: string, name: string): Generator<undefined> {
    const prefix = name === '/' ? '/' : `${name}/`;
    for (const child of this.#namesIn(path)) yield* this.visit(join(path, child), prefix + child);
  }

  *#visitTablespaces(path: string): Generator<undefined> {
    for (const oid of this.#namesIn(path)) {
      const link = join(path, oid);
      const stats = this.#look(() => lstatSync(link), link);
      if (stats?.isSymbolicLink() !== true) continue;
      const target = this.#look(() => readlinkSync(link), link);
      if (target === undefined) continue;
      requireTablespace(link, target, this.#namesIn(link));
      this.#tablespaces.push({ oid, location: target.length > 1 ? target.replace(/\/+$/, '') : target });
      // Neither the link nor the directory it points to is a member: the sentinel's Spec tells of both.
      yield* this.#visitChildren(link, `/pg_tblspc/${oid}`);
    }
  }

  #namesIn(path: string): readonly string[] {
    const names = this.#look(() => readdirSync(path), path) ?? [];
    for (const name of names) {
      if (name.includes('\uFFFD'))
        this.#logger.warn('the name of a file is not UTF-8, it cannot be kept', { path, name });
    }
    // Code units sort like bytes as long as there are no surrogates.
    const plain = names.every((name) => !/[\uD800-\uFFFF]/.test(name));
    return plain ? names.sort() : names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  #keepFile(name: string, stats: BigIntStats): void {
    const entry = entryOf(name, 'file', stats, '');
    if (name === '/global/pg_control') {
      this.#controlFile = entry;
      return;
    }
    this.#fileBytes += entry.sizeBytes;
    this.#entries.push(entry);
  }

  #keep(name: string, type: 'directory' | 'symlink', stats: BigIntStats, linkTarget = ''): void {
    this.#entries.push(entryOf(name, type, stats, linkTarget));
  }

  #look<T>(look: () => T, path: string): T | undefined {
    try {
      return look();
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        this.#logger.warn('vanished while the data directory was walked', { path });
        return undefined;
      }
      throw new ArchiverError(
        code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'unexpected',
        `cannot read "${path}": ${messageOf(error)}`,
        {
          cause: error,
          hint: 'Run the backup as the operating system user that owns the data directory (usually postgres).',
        },
      );
    }
  }
}

function isTablespaceLink(name: string, stats: BigIntStats): boolean {
  return stats.isSymbolicLink() && /^\/pg_tblspc\/[^/]+$/.test(name);
}

function entryOf(name: string, type: ClusterEntry['type'], stats: BigIntStats, linkTarget: string): ClusterEntry {
  return {
    name,
    type,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: type === 'file' ? Number(stats.size) : 0,
    mtimeNs: stats.mtimeNs,
    linkTarget,
  };
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
