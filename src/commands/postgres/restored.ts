/** What an operator has to do when a backup is restored. */
import type { FetchRequest } from '../../postgres/backup/fetch.ts';
import type { App } from '../command.ts';

/** Logs it. */
export function tellNextSteps(
  app: App,
  { destination, additions }: Pick<FetchRequest, 'destination' | 'additions'>,
): void {
  if (process.getuid?.() === 0) {
    app.logger.warn('the files belong to root: give them to the server’s user before it starts', {
      directory: destination,
    });
  }
  if (additions.size > 0) tellHowToRecover(app);
}

/** restore_command runs with the server's environment, not with this one. */
function tellHowToRecover({ settings, logger }: App): void {
  const needed = Object.keys(settings.toEnvironment()).filter(
    (name) => /^WAL[GE]_/.test(name) && settings.get(name)?.origin !== 'file',
  );
  if (needed.length === 0) logger.info('start the server to recover');
  else logger.info('start the server to recover; its environment needs these settings', { names: needed.join(' ') });
}
