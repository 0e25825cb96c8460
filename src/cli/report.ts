/** Tells why a run failed, once, and which status the process ends with. */
import { OutputClosedError } from '../app/app.ts';
import { SettingError } from '../config/setting.ts';
import { ArchiverError, exitStatusOf, messageOf } from '../errors.ts';
import type { Logger } from '../platform/logger.ts';

/**
 * The exit status for whatever was thrown. Under the name `wal-g` it is 1 as there, but for 74, which tells a server that
 * the archive has no such file.
 */
export function statusFor(error: unknown, programName: string): number {
  const status = exitStatusOf(error instanceof ArchiverError ? error.kind : 'unexpected');
  return programName === 'wal-g' && status !== exitStatusOf('archiveMissing') ? 1 : status;
}

/** Logs the failure: message and hint of what is expected to happen, a stack of what is not. */
export function logFailure(error: unknown, logger: Logger): void {
  if (error instanceof OutputClosedError) return;
  if (error instanceof ArchiverError && error.kind !== 'unexpected') {
    // What a parser of settings says is less than what the error says.
    const causes = error instanceof SettingError ? '' : causesOf(error);
    logger.error(error.message, causes === '' ? undefined : { cause: causes });
    if (error.hint !== undefined) logger.error(`hint: ${error.hint}`);
    if (error.stack !== undefined) logger.debug(error.stack);
    return;
  }
  logger.error(error instanceof Error ? (error.stack ?? error.message) : `unexpected: ${messageOf(error)}`);
}

/** The messages of the causes that say more than the error itself. */
function causesOf(error: Error): string {
  const said = [error.message];
  for (let cause = error.cause, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const { message } = cause;
    if (message !== '' && said.every((text) => !text.includes(message))) said.push(message);
  }
  return said.slice(1).join(': ');
}
