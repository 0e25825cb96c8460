/** Opens the archive of another configuration file beside that of the run. */
import type { OtherArchive } from '../commands/command.ts';
import { loadOtherFile } from '../config/other-file.ts';
import { checkSettings, type RawSettings } from '../config/setting.ts';
import type { Transport } from '../pipeline/transport.ts';
import type { Logger } from '../platform/logger.ts';
import { allSettings, knownSettingNames } from './settings.ts';
import { openTransport } from './transport.ts';

/** What opening it needs. */
export interface OtherArchiveOptions {
  /** Of the run. */
  readonly settings: RawSettings;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly helpers: number;
}

/** Reads the file; the storage is opened when it is asked for. @throws ArchiverError (`config`) */
export async function openOtherArchive(
  path: string,
  { settings: ofRun, logger, signal, helpers }: OtherArchiveOptions,
): Promise<OtherArchive & AsyncDisposable> {
  const { settings, warnings } = await loadOtherFile(path, { settings: ofRun, knownNames: knownSettingNames() });
  for (const { message, fields } of warnings) logger.warn(message, fields);
  checkSettings(allSettings, settings);
  const transports = new Map<string, Promise<Transport & AsyncDisposable>>();
  return {
    path,
    settings,
    transport(purpose, choice = {}) {
      const id = JSON.stringify([purpose, choice.target, choice.wholly]);
      const opened = transports.get(id) ?? openTransport(settings, { ...choice, logger, purpose, signal, helpers });
      transports.set(id, opened);
      return opened;
    },
    async [Symbol.asyncDispose]() {
      for (const opening of transports.values()) {
        const opened = await opening.catch(() => undefined);
        await opened?.[Symbol.asyncDispose]();
      }
    },
  };
}
