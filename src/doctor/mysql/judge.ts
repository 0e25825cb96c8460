/** From what a server of MySQL or MariaDB told to what is wrong with it. Nothing here asks anybody anything. */
import type { ServerCondition } from '../../mysql/server/condition.ts';
import { fail, ok, skip, warn, type Finding } from '../check.ts';
import type { Findings } from '../database/judge.ts';
import { formatBytes } from '../format.ts';

/** What is true of the server itself. */
export function judgeServer(condition: ServerCondition): Findings {
  return {
    version: judgeVersion(condition),
    rights: judgeRights(condition),
    durability: judgeDurability(condition),
  };
}

function judgeVersion({ flavor, version, serverId }: ServerCondition): Finding {
  const what = `${flavor === 'mariadb' ? 'MariaDB' : 'MySQL'} ${version}, server id ${serverId}`;
  const figures = { version, flavor, server_id: serverId };
  if (flavor === 'mariadb' && version.startsWith('10.11.')) return ok(what, figures);
  return warn(
    `${what}: a version that was not tested`,
    'Try a backup and a restore before you rely on it: MariaDB 10.11 is tested.',
    figures,
  );
}

/** Rights, any of which is enough, and what cannot be done without them. */
const neededRights = [
  { names: ['BINLOG MONITOR', 'REPLICATION CLIENT', 'SUPER'], what: 'to ask where the binlogs stand', isVital: true },
  { names: ['RELOAD', 'SUPER'], what: 'for binlog-push --flush and the backup tools', isVital: false },
  { names: ['REPLICATION SLAVE', 'SUPER'], what: 'for binlog-push --follow', isVital: false },
] as const;

function judgeRights({ privileges, binlogsProblem, flavor }: ServerCondition): Finding {
  if (binlogsProblem !== undefined) {
    return fail(
      `the server does not tell of its binlogs: ${binlogsProblem}`,
      'Grant the user REPLICATION CLIENT (of MariaDB: BINLOG MONITOR).',
      'forbidden',
    );
  }
  if (privileges === undefined) return skip('the server does not tell');
  const hasAll = privileges.has('ALL PRIVILEGES');
  const lacking = neededRights.filter(({ names }) => !hasAll && !names.some((name) => privileges.has(name)));
  if (lacking.length === 0) return ok('the user may do what backups and binlogs need');
  const nameOf = ({ names }: (typeof neededRights)[number]): string =>
    names[0] === 'BINLOG MONITOR' && flavor === 'mysql' ? 'REPLICATION CLIENT' : names[0];
  const text = lacking.map((one) => `${nameOf(one)} ${one.what}`).join(', ');
  return warn(
    `the user lacks ${text}`,
    `Unless a role gives it: GRANT ${lacking.map(nameOf).join(', ')} ON *.* to the user, as far as you use that.`,
  );
}

function judgeDurability({ variables }: ServerCondition): Finding {
  const lax = ['sync_binlog', 'innodb_flush_log_at_trx_commit'].filter((name) => (variables.get(name) ?? '1') !== '1');
  if (lax.length === 0) return ok('sync_binlog and innodb_flush_log_at_trx_commit are 1');
  const shown = lax.map((name) => `${name} is ${variables.get(name) ?? ''}`).join(', ');
  return warn(shown, `Set ${lax.join(' and ')} to 1: a crash of the machine may lose commits, or binlogs of them.`);
}

/** How its binlogs are written and kept. */
export function judgeBinlogs(condition: ServerCondition): Findings {
  const { variables } = condition;
  if (variables.get('log_bin') !== 'ON') {
    const text = 'log_bin is off: what was written since a backup is lost with the server';
    return {
      log_bin: warn(text, 'Set log_bin and a server_id in the configuration of the server, and restart it.'),
    };
  }
  return {
    log_bin: ok('on'),
    format: judgeFormat(variables.get('binlog_format')),
    checksum: judgeChecksum(variables.get('binlog_checksum')),
    encryption: judgeEncryption(condition),
    expiry: judgeExpiry(variables),
    gtids: judgeGtids(condition),
  };
}

function judgeFormat(format: string | undefined): Finding {
  if (format === undefined) return skip('the server does not tell');
  if (format === 'ROW') return ok('ROW');
  return warn(
    `binlog_format is ${format}: a replay may come to another result than the server did`,
    'Set binlog_format = ROW.',
  );
}

function judgeChecksum(checksum: string | undefined): Finding {
  if (checksum === undefined) return skip('the server does not tell');
  if (checksum !== 'NONE') return ok(checksum);
  return warn('binlog_checksum is NONE: damage to a binlog is not found', 'Set binlog_checksum = CRC32.');
}

function judgeEncryption({ variables }: ServerCondition): Finding {
  const name = ['binlog_encryption', 'encrypt_binlog'].find((one) => variables.get(one) === 'ON');
  if (name === undefined) return ok('the server does not encrypt its binlogs');
  return warn(
    `${name} is on: the events cannot be read, so that they are neither checked nor replayed by binlog-replay`,
    `Turn ${name} off, and let walvault encrypt what it stores.`,
  );
}

const shortSeconds = 86_400;

function judgeExpiry(variables: ReadonlyMap<string, string>): Finding {
  const seconds = Number(variables.get('binlog_expire_logs_seconds') ?? 0);
  const days = Number(variables.get('expire_logs_days') ?? 0);
  const kept = seconds > 0 ? seconds : days * 86_400;
  const figures = { kept_seconds: kept };
  if (variables.get('binlog_expire_logs_auto_purge') === 'OFF' || kept === 0) {
    const hint = 'Set binlog_expire_logs_seconds to some days: the disk of the server fills up.';
    return warn('the server never removes binlogs by itself', hint, figures);
  }
  if (kept >= shortSeconds) return ok(`the server keeps binlogs for ${daysText(kept)}`, figures);
  return warn(
    `the server keeps binlogs for ${daysText(kept)}: what is not pushed by then is lost`,
    'Set binlog_expire_logs_seconds to some days, so that a pause of binlog-push does no harm.',
    figures,
  );
}

function daysText(seconds: number): string {
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function judgeGtids({ flavor, variables }: ServerCondition): Finding {
  if (flavor === 'mariadb') return ok(`of MariaDB; gtid_strict_mode is ${variables.get('gtid_strict_mode') ?? 'OFF'}`);
  const mode = variables.get('gtid_mode') ?? 'OFF';
  if (mode === 'ON') return ok('gtid_mode is ON');
  return warn(
    `gtid_mode is ${mode}: a replay cannot go on across a failover`,
    'Turn gtid_mode on, step by step, as the manual of the server says.',
  );
}

/** What is known of both sides. */
export interface ArchivedBinlogs {
  /** The last complete one in the archive, of the server's base name. */
  readonly last: { readonly name: string; readonly number: number } | undefined;
  /** Of the server: closed binlogs behind it, by number. */
  readonly behind: readonly { readonly number: number; readonly sizeBytes: number }[];
  /** Number of the oldest binlog that the server has. */
  readonly oldest: number;
}

/** More than a job that pushes every few minutes leaves. */
const manyBinlogs = 16;

/** Whether the archive keeps up with the server. */
export function judgeArchived({ last, behind, oldest }: ArchivedBinlogs): Finding {
  if (last === undefined) {
    return warn(
      'no binlog of this server is in the storage',
      'Run binlog-push regularly, or binlog-push --follow, unless other settings lead to its binlogs.',
    );
  }
  const bytes = behind.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const figures = { last: last.name, behind: behind.length, behind_bytes: bytes };
  if (oldest > last.number + 1) {
    return {
      ...fail(
        `"${last.name}" was archived last, and the server has removed ${oldest - last.number - 1} binlogs since`,
        'Run backup-push now: recovery ends before what is lost. Then push binlogs more often, or keep them longer.',
        'missing',
      ),
      figures,
    };
  }
  const text = `"${last.name}" was archived last; ${behind.length} closed ones (${formatBytes(bytes)}) are to be pushed`;
  if (behind.length < manyBinlogs) return ok(text, figures);
  return warn(text, 'binlog-push does not run, or does not keep up: look at its job and its log.', figures);
}
