/** What every push of a stream is asked, from the options and the settings. */
import { hostname } from 'node:os';
import { parseJson, type JsonValue } from '../../catalog/json.ts';
import { userDataSettings } from '../../catalog/user-data-settings.ts';
import { readSetting, readSettings } from '../../config/setting.ts';
import type { StreamPushOptions } from '../../mysql/backup/push.ts';
import type { ServerAccess } from '../../mysql/backup/server-facts.ts';
import { limiterOf, withNetworkLimit } from '../../pipeline/limits.ts';
import { networkSettings, uploadSettings } from '../../pipeline/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { readStreamLayout } from '../../stream/layout.ts';
import type { App, Arguments, OptionSpec } from '../command.ts';
import { parseUserData } from '../postgres/user-data.ts';
import { showTransfer } from '../transfer-progress.ts';

/** Options that all of them have. */
export const pushOptions = {
  permanent: { type: 'boolean', short: 'p', text: 'Protect the backup from being deleted by retention.' },
  'add-user-data': { type: 'string', placeholder: 'JSON', text: 'Store this JSON value in the backup.' },
  'count-journals': {
    type: 'boolean',
    text: 'Record how much was written to the binlogs since the backup before, as WAL-G does.',
  },
  'allow-incomplete': {
    type: 'boolean',
    text: 'Store a dump or an xbstream that does not end as it should, with a warning.',
  },
  'target-storage': {
    type: 'string',
    placeholder: 'NAME',
    text: 'The storage to push to; default: the first that is alive.',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** What is the same wherever the stream comes from. */
export type PushRequest = Omit<StreamPushOptions, 'source' | 'what' | 'tool' | 'server'>;

/** Opens the storage as well. @throws ArchiverError for options that are wrong, and what opening a storage fails with */
export async function pushRequestOf(app: App, options: Arguments['options']): Promise<PushRequest> {
  const { clock, logger, signal } = app;
  const userData = userDataOf(app, options);
  const isTurbo = options['turbo'] === true;
  const layout = readStreamLayout(app.settings);
  const target = targetStorageOf(app.settings, options['target-storage']);
  const transport = await app.transport('write', { target, wholly: true });
  const { diskRateLimit } = readSettings(uploadSettings, app.settings);
  const networkLimit = isTurbo ? undefined : limiterOf(readSetting(networkSettings.rateLimit, app.settings));
  return {
    transport: withNetworkLimit(transport, networkLimit),
    layout,
    hostname: hostname(),
    userData,
    isPermanent: options['permanent'] === true,
    countJournals: options['count-journals'] === true,
    allowIncomplete: options['allow-incomplete'] === true,
    diskLimiter: isTurbo ? undefined : limiterOf(diskRateLimit),
    ...{ clock, logger, signal },
  };
}

/** Connects with what the settings say; the client library is loaded only then. */
export function serverAccessOf({ settings, logger, signal }: App): ServerAccess {
  return async () => {
    const { connectServer } = await import('../../mysql/server/connect.ts');
    return connectServer(settings, { logger, signal });
  };
}

/** Shows how many bytes of a stream of unknown length have passed, while something runs that tells. */
export async function showingStream<T>(
  app: App,
  label: string,
  work: (onBytes: (rawBytes: number) => void) => Promise<T>,
): Promise<T> {
  const progress = showTransfer(app, label, undefined);
  try {
    return await work((rawBytes) => {
      progress.update(rawBytes);
    });
  } finally {
    progress.finish();
  }
}

function userDataOf(app: App, options: Arguments['options']): JsonValue | undefined {
  const given = options['add-user-data'];
  if (typeof given === 'string') return parseUserData(given, '--add-user-data');
  const text = readSetting(userDataSettings.pushed, app.settings);
  return text === undefined ? undefined : parseJson(text, userDataSettings.pushed.env);
}
