/**
 * Restores a backup by the commands of the settings: the stream goes into the restore command; of increments each into a
 * directory of its own, from which the prepare command applies it. Rules: `mysql.md` 8 of the specification.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { counted } from '../../bytes/stage.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { openStream } from '../../stream/open-stream.ts';
import { runCommand, runConsumer } from '../../stream/shell-command.ts';
import type { ChainLink } from './chain.ts';
import {
  isMariadbBackupCommand,
  isUnpackCommand,
  optionOf,
  unpackFolderOf,
  unpackingTo,
  withArguments,
} from './command-text.ts';
import { keepFromStarting } from './failed-restore.ts';
import { requireEmptyFolder, requireFolder } from './restore-folder.ts';

/** How to restore. */
export interface RestoreCommands {
  /** `WALG_STREAM_RESTORE_COMMAND`. */
  readonly restore: string;
  /** `WALG_MYSQL_BACKUP_PREPARE_COMMAND`. */
  readonly prepare: string | undefined;
  /** `WALG_MYSQL_INCREMENTAL_BACKUP_DST`. */
  readonly incrementalDestination: string;
  /** `WALG_MYSQL_DATA_DIR`, whatever the commands name. */
  readonly dataDirectory: string | undefined;
}

/** What a restore needs. */
export interface RestoreServices {
  readonly transport: Transport;
  readonly attempts: number;
  /** Told the length of each chunk of a stream. */
  readonly onBytes?: (bytes: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** One backup of the chain, and what is run for it. */
export interface RestoreStep extends ChainLink {
  readonly isIncrement: boolean;
}

/** A restore that nothing speaks against so far. */
export interface RestorePlan {
  /** The full backup first. */
  readonly steps: readonly RestoreStep[];
  readonly commands: RestoreCommands;
  /** Where the server's files will be, if that is known. */
  readonly target: string | undefined;
}

/**
 * Looks at everything that could speak against it.
 *
 * @param chain the full backup first
 * @throws ArchiverError: `config` without a command that is needed, `cannotWrite` for a directory that is not empty
 */
export function planRestore(chain: readonly ChainLink[], commands: RestoreCommands): RestorePlan {
  const newest = chain.at(-1);
  const isXtrabackup = newest?.sentinel.tool === 'xtrabackup';
  const isUnpacked = isXtrabackup || isUnpackCommand(commands.restore);
  const target = isUnpacked ? (commands.dataDirectory ?? targetOf(commands)) : undefined;
  if (chain.length > 1) {
    if (commands.prepare === undefined) {
      throw new ArchiverError(
        'config',
        `backup "${newest?.backup ?? ''}" is an increment, and WALG_MYSQL_BACKUP_PREPARE_COMMAND is not set`,
        {
          hint: 'Set it to a command such as "xtrabackup --prepare --target-dir=/var/lib/mysql": increments are applied by it.',
        },
      );
    }
    unpackingTo(commands.restore, '/nowhere');
    requireFolder(commands.incrementalDestination, 'WALG_MYSQL_INCREMENTAL_BACKUP_DST');
  }
  if (target !== undefined) requireEmptyFolder(target);
  const steps = withoutSpare(chain).map((link, index) => ({ ...link, isIncrement: index > 0 }));
  return { steps, commands, target };
}

/**
 * Leaves out increments that others hold as well: with `WALG_DELTA_ORIGIN=LATEST_FULL` those of WAL-G name the latest backup
 * and begin at the full one, and the programs apply an increment only to what ends where it begins.
 */
function withoutSpare(chain: readonly ChainLink[]): readonly ChainLink[] {
  const needed: ChainLink[] = [];
  for (let at = chain.length - 1; at >= 0;) {
    const link = chain[at];
    if (link === undefined) break;
    needed.unshift(link);
    const { fromLsn } = link.sentinel;
    const fitting = chain.findLastIndex(({ sentinel }, index) => index < at && sentinel.toLsn === fromLsn);
    at = link.sentinel.kind === 'full' ? -1 : fitting >= 0 ? fitting : at - 1;
  }
  return needed;
}

/** Only what is a path for sure: the last word of a script's command, or a variable of the shell, may be anything. */
function targetOf({ restore, prepare }: RestoreCommands): string | undefined {
  const unpacked = isUnpackCommand(restore) ? unpackFolderOf(restore) : undefined;
  const named = unpacked ?? (prepare === undefined ? undefined : optionOf(prepare, '--target-dir'));
  if (named === undefined || /[$`*?~]/.test(named)) return undefined;
  if (isAbsolute(named)) return named;
  // Below a directory that the commands go to it would be another one.
  const goesElsewhere = /\b(?:cd|pushd|chroot|ssh|docker|podman|kubectl)\b/.test(`${restore} ${prepare ?? ''}`);
  const isPath = named.startsWith('.') || /\s(?:-C|--directory)/.test(restore);
  return isPath && !goesElsewhere ? named : undefined;
}

/**
 * Restores. When it rejects, the server is kept from starting on what there is, as far as the directory is known.
 *
 * @throws CommandFailedError; CorruptError; the storage's errors
 */
export async function restoreBackup(plan: RestorePlan, services: RestoreServices): Promise<void> {
  const { logger } = services;
  try {
    for (const [index, step] of plan.steps.entries()) {
      const isLast = index === plan.steps.length - 1;
      logger.info('restoring', { backup: step.backup, step: index + 1, steps: plan.steps.length });
      if (step.isIncrement) await restoreIncrement(step, isLast, plan, services);
      else await restoreFull(step, isLast, plan, services);
    }
  } catch (error) {
    if (plan.target !== undefined) await keepFromStarting(plan.target, logger);
    throw error;
  }
}

async function restoreFull(
  step: RestoreStep,
  isLast: boolean,
  { commands }: RestorePlan,
  services: RestoreServices,
): Promise<void> {
  await feed(step, commands.restore, services);
  const { prepare } = commands;
  if (prepare !== undefined) await runPrepare(withArguments(prepare, applyLogOnly(prepare, isLast)), services);
}

async function restoreIncrement(
  step: RestoreStep,
  isLast: boolean,
  { commands }: RestorePlan,
  services: RestoreServices,
): Promise<void> {
  const { prepare = '' } = commands;
  const folder = await mkdtemp(join(commands.incrementalDestination, 'walvault-increment-'));
  try {
    // The commands may run as another user, by sudo.
    await chmod(folder, 0o755);
    await feed(step, unpackingTo(commands.restore, folder), services);
    const args = [...applyLogOnly(prepare, isLast), `--incremental-dir=${folder}`];
    await runPrepare(withArguments(prepare, args), services);
  } finally {
    await removeFolder(folder, services.logger);
  }
}

/** All but the last step leave transactions open for the next; mariadb-backup does without being told, and knows no option. */
function applyLogOnly(prepare: string, isLast: boolean): readonly string[] {
  return isLast || isMariadbBackupCommand(prepare) ? [] : ['--apply-log-only'];
}

async function feed(
  { backup, sentinel }: RestoreStep,
  command: string,
  { transport, attempts, onBytes, clock, logger, signal }: RestoreServices,
): Promise<void> {
  const expectedBytes = sentinel.uncompressedBytes;
  const stream = await openStream(transport, backup, { attempts, expectedBytes, clock, logger, signal });
  const watch = counted((bytes) => onBytes?.(bytes));
  await runConsumer(command, watch(stream), { from: 'WALG_STREAM_RESTORE_COMMAND', logger, signal });
}

async function runPrepare(command: string, { logger, signal }: RestoreServices): Promise<void> {
  logger.info('preparing what was restored');
  const from = 'WALG_MYSQL_BACKUP_PREPARE_COMMAND';
  await runCommand(command, { from, logger, signal, stdout: 'stderr' });
}

async function removeFolder(folder: string, logger: Logger): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    logger.warn('cannot remove a temporary directory', { folder, error: messageOf(error) });
  }
}
