/** What `backup-show` prints. */
import { stringifyJson, type JsonObject } from '../../catalog/json.ts';
import { formatTime } from '../../catalog/time.ts';
import { formatBytes } from '../../doctor/format.ts';
import { timeToTheSecond } from '../../catalog/time-text.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import type { BackupDescription, RelatedBackup } from '../../postgres/show/describe-backup.ts';
import { formatVersion } from '../../postgres/version.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { box } from '../table.ts';

/** For programs: one object, without a line end. Names and units are those of `backup-list --detail --json` where it has them. */
export function backupJson(description: BackupDescription): string {
  const { record, sentinel, storedBytes, objects, parts, counts, madeByWalvault, bases, brokenChain } = description;
  const { metadata } = record;
  const { dependents, wal } = description;
  const json: JsonObject = {
    backup_name: record.name,
    time: formatTime(record.entry.modified),
    storage_name: record.storageName ?? defaultStorageName,
    kind: sentinel.kind,
    ...(sentinel.kind === 'delta'
      ? { delta_from: sentinel.parent, delta_root: sentinel.root, delta_count: sentinel.steps }
      : {}),
    is_permanent: metadata?.isPermanent ?? null,
    start_time: metadata === undefined ? null : formatTime(metadata.startTime),
    finish_time: metadata === undefined ? null : formatTime(metadata.finishTime),
    hostname: metadata?.hostname ?? null,
    data_dir: metadata?.dataDirectory ?? null,
    tool: madeByWalvault ? 'walvault' : null,
    over_replication_protocol: isRemote(description),
    pg_version: sentinel.pgVersion,
    system_identifier: sentinel.systemIdentifier ?? null,
    start_lsn: sentinel.startLsn ?? null,
    finish_lsn: sentinel.finishLsn ?? null,
    uncompressed_size: sentinel.uncompressedBytes,
    compressed_size: sentinel.compressedBytes,
    data_catalog_size: sentinel.dataDirectoryBytes ?? null,
    stored_size: storedBytes,
    objects,
    user_data: metadata?.userData ?? sentinel.userData ?? null,
    parts: parts.map(({ name, storedBytes: size, files }) => ({ name, size, files: files ?? null })),
    files:
      counts === undefined
        ? null
        : {
            total: counts.files,
            increments: counts.increments,
            unchanged: counts.skipped,
            corrupt: counts.corruptFiles,
            corrupt_blocks: counts.corruptBlocks,
          },
    databases: counts?.databases.map(({ name, oid, relations }) => ({ name, oid, relations })) ?? null,
    tablespaces: (sentinel.tablespaces?.tablespaces ?? []).map(({ name, location }) => ({ oid: name, location })),
    wal:
      wal === undefined
        ? null
        : {
            timeline_id: wal.timeline,
            finish_timeline_id: wal.finishTimeline,
            start_segment: wal.firstSegment,
            end_segment: wal.lastSegment,
            segments_count: wal.segments,
            missing_segments: wal.missing,
          },
    needs: bases.map(relatedJson),
    chain_problem: brokenChain ?? null,
    needed_by: dependents.map((one) => ({ ...relatedJson(one), is_direct: one.isDirect })),
  };
  return stringifyJson(json);
}

function relatedJson({ name, isPermanent, storedBytes }: RelatedBackup): JsonObject {
  return { backup_name: name, is_permanent: isPermanent, compressed_size: storedBytes };
}

/** For people. */
export function backupText(description: BackupDescription): string {
  const facts = [
    ...identityOf(description),
    ...contentsOf(description),
    ...walOf(description),
    ...relativesOf(description),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  const lines = facts.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`);
  return lines.join('') + partsOf(description) + databasesOf(description);
}

type Fact = readonly [label: string, text: string];

function identityOf({ record, sentinel, madeByWalvault, ...rest }: BackupDescription): readonly Fact[] {
  const { metadata, storageName, entry } = record;
  const kind = sentinel.kind === 'full' ? 'full' : `delta, step ${sentinel.steps} on "${sentinel.root}"`;
  const way = isRemote({ record, sentinel, madeByWalvault, ...rest }) ? ', over the replication protocol' : '';
  const system = sentinel.systemIdentifier ?? 'not recorded';
  const facts: Fact[] = [
    ['backup', record.name],
    ['kind', kind],
    ['permanent', metadata === undefined ? 'not known' : metadata.isPermanent ? 'yes' : 'no'],
  ];
  if (storageName !== undefined) facts.push(['storage', storageName]);
  if (metadata === undefined) facts.push(['completed', timeToTheSecond(entry.modified)]);
  else {
    facts.push(['started', timeToTheSecond(metadata.startTime)]);
    facts.push(['finished', timeToTheSecond(metadata.finishTime)]);
    facts.push(['made on', `${metadata.hostname === '' ? 'an unknown host' : metadata.hostname}${way}`]);
    if (metadata.dataDirectory !== '') facts.push(['data directory', metadata.dataDirectory]);
  }
  facts.push(['made by', madeByWalvault ? 'walvault' : 'WAL-G, or a walvault that did not tell']);
  facts.push([
    'server',
    `${sentinel.pgVersion === 0 ? 'version not recorded' : formatVersion(sentinel.pgVersion)}, cluster ${system}`,
  ]);
  const userData = metadata?.userData ?? sentinel.userData;
  if (userData !== undefined) facts.push(['user data', stringifyJson(userData)]);
  return facts;
}

function contentsOf({ sentinel, storedBytes, objects, parts, counts }: BackupDescription): readonly Fact[] {
  const { uncompressedBytes, dataDirectoryBytes, tablespaces } = sentinel;
  const directory =
    dataDirectoryBytes === undefined ? '' : ` of a data directory of ${formatBytes(dataDirectoryBytes)}`;
  const facts: Fact[] = [
    ['size', `${formatBytes(uncompressedBytes)}${directory}`],
    ['stored', `${formatBytes(storedBytes)} in ${objects} objects, ${parts.length} of them parts`],
  ];
  if (counts === undefined) facts.push(['files', 'no list of files']);
  else {
    const delta = sentinel.kind === 'delta' ? `, ${counts.increments} as increments, ${counts.skipped} unchanged` : '';
    facts.push(['files', `${counts.files}${delta}`]);
    if (counts.corruptFiles > 0) {
      facts.push(['corrupt', `${counts.corruptBlocks} pages of ${counts.corruptFiles} files failed their checksum`]);
    }
  }
  for (const { name, location } of tablespaces?.tablespaces ?? []) facts.push(['tablespace', `${name} at ${location}`]);
  return facts;
}

function walOf({ wal }: BackupDescription): readonly Fact[] {
  if (wal === undefined) return [['WAL', 'start and end are not recorded']];
  const { start, finish, timeline, finishTimeline, firstSegment, lastSegment, segments, missing } = wal;
  const switched = finishTimeline === timeline ? '' : ` to ${finishTimeline}`;
  const some = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ', …' : '');
  const state = missing.length === 0 ? 'all archived' : `${missing.length} of ${segments} MISSING: ${some}`;
  return [
    ['WAL', `${formatLsn(start)} to ${formatLsn(finish)} on timeline ${timeline}${switched}`],
    ['segments', `${segments === 1 ? firstSegment : `${firstSegment} to ${lastSegment}`}: ${state}`],
  ];
}

function relativesOf({ bases, brokenChain, dependents }: BackupDescription): readonly Fact[] {
  const own = bases.map((base): Fact => ['needs', related(base)]);
  const broken: readonly Fact[] = brokenChain === undefined ? [] : [['CANNOT BE RESTORED', brokenChain]];
  const others = dependents.map((one): Fact => [
    'needed by',
    `${related(one)}${one.isDirect ? '' : ', by way of others'}`,
  ]);
  return [
    ...broken,
    ...(own.length === 0 && brokenChain === undefined ? [['needs', 'no other backup'] as const] : own),
    ...others,
  ];
}

function related({ name, isPermanent, storedBytes }: RelatedBackup): string {
  return `${name}, ${formatBytes(storedBytes)}${isPermanent ? ', permanent' : ''}`;
}

function partsOf({ parts }: BackupDescription): string {
  const columns = [{ title: 'PART' }, { title: 'STORED BYTES', right: true }, { title: 'FILES', right: true }];
  const rows = parts.map(({ name, storedBytes, files }) => [
    name,
    String(storedBytes),
    files === undefined ? '-' : String(files),
  ]);
  return `\n${box(columns, rows)}`;
}

function databasesOf({ counts }: BackupDescription): string {
  if (counts === undefined || counts.databases.length === 0) return '';
  const columns = [{ title: 'DATABASE' }, { title: 'OID', right: true }, { title: 'RELATIONS', right: true }];
  const rows = counts.databases.map(({ name, oid, relations }) => [name, String(oid), String(relations)]);
  return `\n${box(columns, rows)}`;
}

/** Only what read a data directory knows its size. */
function isRemote({ sentinel }: BackupDescription): boolean {
  return sentinel.dataDirectoryBytes === undefined;
}
