/** What `backup-show` prints of a backup of MySQL. */
import { stringifyJson, type JsonObject } from '../../catalog/json.ts';
import { timeToTheSecond } from '../../catalog/time-text.ts';
import { formatTime, type TimeNs } from '../../catalog/time.ts';
import { formatBytes } from '../../doctor/format.ts';
import type { BackupDescription, RelatedBackup } from '../../mysql/show/describe-backup.ts';
import { baseNameOf } from '../../storage/key.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { box } from '../table.ts';

/** For programs: one object, without a line end. Names and units are those of `backup-list --detail --json` where it has them. */
export function backupJson(description: BackupDescription): string {
  const { record, sentinel, storedBytes, objects, stream, position, binlogs } = description;
  const json: JsonObject = {
    backup_name: record.name,
    modify_time: formatTime(record.entry.modified),
    storage_name: record.storageName ?? defaultStorageName,
    kind: sentinel.kind,
    ...(sentinel.kind === 'increment'
      ? { delta_from: sentinel.parent, delta_root: sentinel.root, delta_count: sentinel.steps }
      : {}),
    is_permanent: sentinel.isPermanent,
    start_local_time: timeJson(sentinel.startTime),
    stop_local_time: timeJson(sentinel.stopTime),
    hostname: sentinel.hostname ?? null,
    tool: sentinel.tool,
    made_by: description.madeByWalvault ? 'walvault' : null,
    server_version: sentinel.serverVersion ?? null,
    server_uuid: sentinel.serverUuid ?? null,
    binlog_start: sentinel.binlogStart ?? null,
    binlog_end: sentinel.binlogEnd ?? null,
    from_lsn: sentinel.fromLsn ?? null,
    to_lsn: sentinel.toLsn ?? null,
    position:
      position === undefined
        ? null
        : {
            binlog: position.binlog,
            position: position.position,
            gtid: position.gtid ?? null,
            flavor: position.flavor ?? null,
            source: position.source,
            is_exact: position.isExact,
          },
    uncompressed_size: sentinel.uncompressedBytes ?? null,
    compressed_size: sentinel.compressedBytes ?? null,
    stored_size: storedBytes,
    objects,
    stream:
      'problem' in stream
        ? null
        : {
            parts: stream.parts,
            block_size: stream.blockBytes ?? null,
            objects: stream.objects.map(({ key, sizeBytes }) => ({ name: baseNameOf(key), size: sizeBytes })),
          },
    stream_problem: 'problem' in stream ? stream.problem : null,
    user_data: sentinel.userData ?? null,
    binlogs:
      binlogs === undefined
        ? null
        : {
            first: binlogs.first,
            last: binlogs.last ?? null,
            count: binlogs.count,
            tail: binlogs.tail ?? null,
            missing: binlogs.missing.map(({ first, count }) => ({ first, count })),
          },
    needs: description.bases.map(relatedJson),
    chain_problem: description.brokenChain ?? null,
    needed_by: description.dependents.map((one) => ({ ...relatedJson(one), is_direct: one.isDirect })),
  };
  return stringifyJson(json);
}

function timeJson(time: TimeNs | undefined): string | null {
  return time === undefined ? null : formatTime(time);
}

function relatedJson({ name, isPermanent, storedBytes }: RelatedBackup): JsonObject {
  return { backup_name: name, is_permanent: isPermanent, compressed_size: storedBytes };
}

type Fact = readonly [label: string, text: string];

/** For people. */
export function backupText(description: BackupDescription): string {
  const facts = [
    ...identityOf(description),
    ...contentsOf(description),
    ...binlogsOf(description),
    ...relativesOf(description),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  return facts.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join('') + objectsOf(description);
}

function* identityOf({ record, sentinel, madeByWalvault }: BackupDescription): Generator<Fact> {
  const { startTime, stopTime, hostname, serverVersion, serverUuid, userData } = sentinel;
  yield ['backup', record.name];
  yield ['kind', sentinel.kind === 'full' ? 'full' : `increment, step ${sentinel.steps} on "${sentinel.root}"`];
  yield ['permanent', sentinel.isPermanent ? 'yes' : 'no'];
  if (record.storageName !== undefined) yield ['storage', record.storageName];
  yield ['started', startTime === undefined ? 'not recorded' : timeToTheSecond(startTime)];
  yield ['finished', timeToTheSecond(stopTime ?? record.entry.modified)];
  yield ['made on', hostname ?? 'an unknown host'];
  yield ['made by', madeByWalvault ? 'walvault' : 'WAL-G, or a walvault that did not tell'];
  yield ['made of', sentinel.tool === 'xtrabackup' ? 'a stream of XtraBackup or its kin' : 'a stream of any kind'];
  yield ['server', `${serverVersion ?? 'not recorded'}${serverUuid === undefined ? '' : `, ${serverUuid}`}`];
  if (userData !== undefined) yield ['user data', stringifyJson(userData)];
}

function* contentsOf({ sentinel, storedBytes, objects, stream }: BackupDescription): Generator<Fact> {
  const { uncompressedBytes, fromLsn, toLsn } = sentinel;
  yield ['size', uncompressedBytes === undefined ? 'not recorded' : formatBytes(uncompressedBytes)];
  const split = 'problem' in stream || stream.blockBytes === undefined ? '' : `, in ${stream.parts} parts`;
  yield ['stored', `${formatBytes(storedBytes)} in ${objects} objects${split}`];
  if (toLsn !== undefined) yield ['pages', `to LSN ${toLsn}${fromLsn ? `, those changed since ${fromLsn}` : ''}`];
  if ('problem' in stream) yield ['CANNOT BE RESTORED', stream.problem];
}

function* binlogsOf({ position, binlogs, sentinel }: BackupDescription): Generator<Fact> {
  if (position !== undefined) {
    const gtid = position.gtid === undefined || position.gtid === '' ? '' : `, GTID ${position.gtid}`;
    const about = position.isExact ? '' : ', or before';
    yield ['position', `${position.binlog}:${position.position}${about}${gtid}`];
  } else if (sentinel.binlogStart !== undefined) {
    yield ['position', `in ${sentinel.binlogStart} or behind; exactly it is said in the stream`];
  }
  if (binlogs === undefined) {
    yield ['binlogs', 'where it began is not recorded'];
    return;
  }
  const { first, last, count, missing, tail } = binlogs;
  const range = last === undefined ? `none yet of ${first} and what follows` : `${first} to ${last}`;
  const some = missing
    .slice(0, 3)
    .map((gap) => (gap.count === 1 ? gap.first : `${gap.count} from ${gap.first}`))
    .join(', ');
  const state = missing.length > 0 ? `: MISSING ${some}` : count === 0 ? '' : ': all archived';
  yield ['binlogs', `${range}${state}${tail === undefined ? '' : `, and the beginning of ${tail}`}`];
}

function* relativesOf({ bases, brokenChain, dependents }: BackupDescription): Generator<Fact> {
  if (brokenChain !== undefined) yield ['CANNOT BE RESTORED', brokenChain];
  else if (bases.length === 0) yield ['needs', 'no other backup'];
  for (const base of bases) yield ['needs', related(base)];
  for (const one of dependents) yield ['needed by', `${related(one)}${one.isDirect ? '' : ', by way of others'}`];
}

function related({ name, isPermanent, storedBytes }: RelatedBackup): string {
  return `${name}, ${formatBytes(storedBytes)}${isPermanent ? ', permanent' : ''}`;
}

function objectsOf({ stream }: BackupDescription): string {
  if ('problem' in stream) return '';
  const rows = stream.objects.map(({ key, sizeBytes }) => [baseNameOf(key), String(sizeBytes)]);
  return `\n${box([{ title: 'OBJECT' }, { title: 'STORED BYTES', right: true }], rows)}`;
}
