/** What `backup-fetch` is asked to restore, from its arguments, the settings and the archive. */
import { readFile } from 'node:fs/promises';
import { selectorOfName, type BackupSelector } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { readSentinel } from '../../postgres/backup/backup-record.ts';
import type { FetchRequest } from '../../postgres/backup/fetch.ts';
import { fetchSettings } from '../../postgres/backup/fetch-settings.ts';
import type { TablespaceSpec } from '../../postgres/backup/tablespace-spec.ts';
import { parseRestoreSpec } from '../../postgres/backup/tablespaces.ts';
import { chooseBackup, recoveryAdditions } from '../../postgres/recovery/prepare.ts';
import { restoreCommandOf } from '../../postgres/recovery/recovery-settings.ts';
import { parseRestoreOnly } from '../../postgres/restore/restore-only.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { partialSegmentSettings } from '../../postgres/wal/settings.ts';
import { holderOf } from '../../storage/named-storages.ts';
import type { App, Arguments } from '../command.ts';
import { recoveryRequestOf, textOf } from './target-options.ts';
import { parseUserData } from './user-data.ts';

/** A restore, and the storage that holds the whole backup. */
export interface PlannedFetch {
  readonly request: FetchRequest;
  readonly transport: Transport;
}

/** Chooses the backup, and says how it is to be restored. @throws ArchiverError: `usage`, `missing`, and others */
export async function fetchRequestOf(app: App, { positionals, options }: Arguments): Promise<PlannedFetch> {
  const { logger, signal, clock } = app;
  const [destination = '', name] = positionals;
  const request = recoveryRequestOf(options);
  const mask = textOf(options['mask']);
  const only = textOf(options['restore-only']);
  const restoreOnly = only === undefined ? undefined : parseRestoreOnly(only);
  if (mask !== undefined && restoreOnly !== undefined) {
    throw usage('--mask and --restore-only exclude each other', 'Give one of them.');
  }
  const inPlace = options['delta'] === true;
  if (inPlace && (mask !== undefined || restoreOnly !== undefined)) {
    throw usage(
      '--delta restores everything, and --mask and --restore-only only a part',
      'Restore into an empty directory, without --delta.',
    );
  }
  if (inPlace && (options['reverse-unpack'] === false || options['skip-redundant-tars'] === false)) {
    throw usage(
      '--delta goes by --reverse-unpack and --skip-redundant-tars',
      'Leave out --reverse-unpack=false and --skip-redundant-tars=false.',
    );
  }
  if (mask !== undefined && request !== undefined) {
    throw usage('--mask and recovery exclude each other', 'What --mask restores cannot be started.');
  }
  const target = targetStorageOf(app.settings, options['target-storage']);
  const settings = readSettings(fetchSettings, app.settings);
  const selector = selectorOf(name, textOf(options['target-user-data']), settings.targetUserData);
  const specPath = textOf(options['restore-spec']);
  const restoreSpec = specPath === undefined ? undefined : await readRestoreSpec(specPath);

  const { segmentBytes } = readSettings(postgresSettings, app.settings);
  const { usesPartial } = readSettings(partialSegmentSettings, app.settings);
  const archive = await app.transport('read', { target });
  const { backup, request: planned } = await chooseBackup(
    { transport: archive, clock, logger, signal, segmentBytes, usesPartial },
    { selector, request, unchecked: options['skip-target-check'] === true },
  );
  const holder = await holderOf(archive.storage, sentinelKey(backup), { signal });
  const transport = holder === undefined ? archive : await app.transport('read', { target: holder.name });
  const sentinel = await readSentinel(transport.storage, backup, { signal });
  const additions =
    planned === undefined
      ? new Map<string, string>()
      : recoveryAdditions(planned, restoreCommandOfProgram(app, options), {
          pgVersion: sentinel.pgVersion,
          isPartial: restoreOnly !== undefined,
        });
  const isPartial = restoreOnly !== undefined || inPlace;
  return {
    transport,
    request: {
      ...{ destination, backup, sentinel, restoreSpec, mask, restoreOnly, additions, inPlace },
      durable: !settings.disableFsync,
      newestFirst: isPartial || flagOf(options['reverse-unpack'], settings.reverseUnpack),
      skipRedundantParts: isPartial || flagOf(options['skip-redundant-tars'], settings.skipRedundantTars),
    },
  };
}

function flagOf(option: string | boolean | undefined, setting: boolean): boolean {
  return typeof option === 'boolean' ? option : setting;
}

function selectorOf(
  name: string | undefined,
  userData: string | undefined,
  fromSettings: string | undefined,
): BackupSelector | undefined {
  if (name !== undefined && userData !== undefined) {
    throw usage('a name and --target-user-data exclude each other', 'Give one of them.');
  }
  if (name !== undefined) return selectorOfName(name);
  const given = userData ?? fromSettings;
  if (given === undefined) return undefined;
  return { by: 'userData', userData: parseUserData(given, '--target-user-data') };
}

async function readRestoreSpec(path: string): Promise<TablespaceSpec> {
  try {
    return parseRestoreSpec(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof ArchiverError) throw error;
    throw new ArchiverError('missing', `cannot read the restore specification: ${messageOf(error)}`, { cause: error });
  }
}

/** The server calls this very program, with the same configuration file. */
function restoreCommandOfProgram({ program }: App, options: Arguments['options']): string {
  const config = textOf(options['config']);
  return restoreCommandOf(
    [program.path, ...program.leadingArguments],
    config === undefined ? [] : ['--config', config],
  );
}

function usage(message: string, hint: string): ArchiverError {
  return new ArchiverError('usage', message, { hint });
}
