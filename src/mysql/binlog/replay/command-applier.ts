/** Applies binary logs by `WALG_MYSQL_BINLOG_REPLAY_COMMAND`, once for each (`mysql.md` 11.4 of the specification). */
import type { Logger } from '../../../platform/logger.ts';
import { CommandFailedError } from '../../../stream/command-failed.ts';
import { runCommand } from '../../../stream/shell-command.ts';
import type { BinlogTarget } from '../range/target.ts';
import type { BinlogApplier } from './applier.ts';
import { ReplayError } from './errors.ts';

/** Makes one. */
export function commandApplier(options: {
  readonly command: string;
  readonly target: BinlogTarget;
  /** What the target `end` is told as. */
  readonly now: Date;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): BinlogApplier {
  const { command, target, now, logger, signal } = options;
  return {
    async apply({ name, lastTimestamp }, path) {
      const environment = {
        WALG_MYSQL_CURRENT_BINLOG: path,
        WALG_MYSQL_BINLOG_END_TS: stopTime(target, { now, lastTimestamp }),
      };
      try {
        await runCommand(command, { from: 'WALG_MYSQL_BINLOG_REPLAY_COMMAND', environment, logger, signal });
      } catch (error) {
        if (!(error instanceof CommandFailedError)) throw error;
        throw new ReplayError(error.kind, name, error.message, { cause: error });
      }
    },
  };
}

/**
 * The time for `mysqlbinlog --stop-datetime`, in the zone of this process: the target in whole seconds, but after everything
 * in the file, which has been cut at the target already.
 */
export function stopTime(
  target: BinlogTarget,
  { now, lastTimestamp }: { readonly now: Date; readonly lastTimestamp: number },
): string {
  const wanted = target.by === 'time' ? Number((target.time + 999_999_999n) / 1_000_000_000n) : now.getTime() / 1000;
  const time = new Date(Math.max(Math.floor(wanted), lastTimestamp + 1) * 1000);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
