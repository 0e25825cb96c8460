/** Chains of backups made by tests, and their restores in this thread. */
import { fakeClock } from './fake-clock.ts';
import { lastParts, localPool, makeBackup, type MadeBackup, type MadeMember } from './made-backup.ts';
import type { Transport } from '../src/pipeline/transport.ts';
import type { WorkerPool } from '../src/pipeline/worker-pool.ts';
import { silentLogger, type Logger } from '../src/platform/logger.ts';
import { prepareFetch, restoreBackup, type FetchRequest, type FetchSummary } from '../src/postgres/backup/fetch.ts';
import type { Sentinel } from '../src/postgres/backup/sentinel.ts';
import { toLsn } from '../src/postgres/lsn.ts';
import { formatIncrementHead } from '../src/postgres/pages/increment.ts';
import { pageBytes } from '../src/postgres/pages/page-scan.ts';
import type { Storage } from '../src/storage/storage.ts';

/** A file of one backup of a chain, by its member name. */
export type MadeFile =
  | { readonly kind: 'whole' | 'increment'; readonly name: string; readonly content: string | Uint8Array }
  | { readonly kind: 'skipped'; readonly name: string };

/** What one backup of a chain holds. */
export interface MadeLink extends Pick<MadeBackup, 'databases'> {
  readonly files: readonly MadeFile[];
  /** The number of its part, by the index of the file; default: all in the first. */
  readonly partOf?: (index: number) => number;
  /** Records which part holds what. */
  readonly recordsParts?: boolean;
  /** What is special about its sentinel. */
  readonly sentinel?: Partial<Sentinel>;
}

/** A backup, to be restored. */
export interface MadeNewest {
  readonly backup: string;
  readonly sentinel: Sentinel;
}

/** Name of a backup in a chain: 0 is the full one. */
export function linkName(index: number): string {
  const segment = (step: number): string =>
    `0000000100000000000000${(2 * step + 2).toString(16).padStart(2, '0').toUpperCase()}`;
  return `base_${segment(index)}${index === 0 ? '' : `_D_${segment(index - 1)}`}`;
}

/** Makes a chain: the full backup first, then each delta on the one before. Returns the newest. */
export async function makeChain(storage: Storage, links: readonly MadeLink[]): Promise<MadeNewest> {
  let newest: MadeNewest | undefined;
  for (const [index, link] of links.entries()) {
    const backup = linkName(index);
    newest = { backup, sentinel: await makeBackup(storage, { name: backup, ...madeBackupOf(link, index) }) };
  }
  if (newest === undefined) throw new TypeError('a chain of no backups');
  return newest;
}

function startOf(index: number): bigint {
  return 0x2000028n + 0x2000000n * BigInt(index);
}

function madeBackupOf(link: MadeLink, index: number): MadeBackup {
  const { files, partOf = () => 1, recordsParts = false, databases } = link;
  const parts: Record<string, MadeMember[]> = { 'part_001.tar': [{ name: '/', type: 'directory', mode: 0o700 }] };
  let member = 0;
  for (const file of files) {
    if (file.kind === 'skipped') continue;
    const part = `part_${String(partOf(member)).padStart(3, '0')}.tar`;
    (parts[part] ??= []).push({ name: file.name, content: file.content });
    member += 1;
  }
  const startLsn = toLsn(startOf(index));
  const label = `START WAL LOCATION: 0/${startLsn.toString(16).toUpperCase()} (file 000000010000000000000002)\n`;
  const delta = {
    kind: 'delta' as const,
    parent: linkName(index - 1),
    parentLsn: toLsn(startOf(index - 1)),
    root: linkName(0),
    steps: index,
  };
  const sentinel = { startLsn, finishLsn: toLsn(startLsn + 200n), ...(index === 0 ? {} : delta), ...link.sentinel };
  return {
    parts: {
      ...lastParts,
      'backup_label.tar': [
        { name: 'backup_label', content: label },
        { name: 'tablespace_map', content: '' },
      ],
      ...parts,
    },
    files: Object.values(parts).flatMap((members) => members.map(({ name }) => name)),
    ...(databases === undefined ? {} : { databases }),
    increments: files.filter(({ kind }) => kind === 'increment').map(({ name }) => name),
    skipped: files.filter(({ kind }) => kind === 'skipped').map(({ name }) => name),
    tarFileSets: recordsParts
      ? Object.fromEntries(Object.entries(parts).map(([part, members]) => [part, members.map(({ name }) => name)]))
      : {},
    sentinel: sentinel,
  };
}

/** An increment: size of the file in pages, and pages by their numbers, in this order. */
export function madeIncrement(pages: number, blocks: readonly (readonly [number, Uint8Array])[]): Buffer {
  const head = formatIncrementHead({
    fileBytes: pages * pageBytes,
    blocks: Uint32Array.from(blocks.map(([block]) => block)),
  });
  return Buffer.concat([head, ...blocks.map(([, page]) => page)]);
}

/** A page full of one value. */
export function plainPage(value: number): Uint8Array {
  return new Uint8Array(pageBytes).fill(value);
}

/** How {@link restoreChain} restores. */
export interface RestoreOptions extends Partial<FetchRequest> {
  readonly destination: string;
  readonly logger?: Logger;
  readonly pool?: WorkerPool;
}

/** Restores a backup with all that it builds on. */
export async function restoreChain(
  transport: Transport,
  newest: MadeNewest,
  { logger = silentLogger, pool = localPool(transport), ...request }: RestoreOptions,
): Promise<FetchSummary> {
  const services = {
    ...{ transport, logger, clock: fakeClock(), signal: new AbortController().signal, retries: 0 },
    openPool: () => pool,
    openProgress: () => ({ update: () => undefined, finish: () => undefined }),
  };
  const prepared = await prepareFetch(services, {
    ...newest,
    ...{ restoreSpec: undefined, mask: undefined, restoreOnly: undefined, additions: new Map() },
    ...{ durable: false, inPlace: false, newestFirst: true, skipRedundantParts: true },
    ...request,
  });
  return restoreBackup(services, prepared);
}
