import { sharing } from '../../catalog/lease/lease.ts';
import { ArchiverError } from '../../errors.ts';
import { readSetting } from '../../config/setting.ts';
import { parseCatchupLsn } from '../../postgres/catchup/catchup-lsn.ts';
import { pushCatchup } from '../../postgres/catchup/push-catchup.ts';
import { serverSettings } from '../../postgres/server/settings.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import { defineCommand } from '../command.ts';
import { backupRequestOf, corruptBlocksKept, workersOf } from './backup-request.ts';

/** `catchup-push`: what changed on a primary since an LSN, for a standby that is behind. */
export const catchupPush = defineCommand({
  name: 'catchup-push',
  summary: 'Push what a standby lacks that is far behind.',
  positionals: [
    {
      name: 'db_directory',
      text: 'The data directory of the primary that PGHOST, PGPORT … lead to.',
      required: true,
    },
  ],
  options: {
    'from-lsn': {
      type: 'string',
      placeholder: 'LSN',
      text: 'Where the standby is: a decimal number, or the form 16/B374D848. catchup-fetch says which one it needs.',
    },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to push to; default: the first that is alive.',
    },
  },
  examples: [
    { line: 'catchup-push $PGDATA --from-lsn 3/4A000028', text: 'Push all pages that changed from there on.' },
    { line: 'catchup-push $PGDATA --from-lsn 14193524776', text: 'The same, as WAL-G writes it.' },
  ],
  exitStatuses: {
    64: 'no LSN given, or one that the server has not reached',
    65: 'a file of the data directory is damaged or cannot be read',
    66: 'the data directory or a tablespace is not there',
    69: 'server or storage unreachable, or lost in the middle',
    73: 'a catchup of that name exists, or the storage is full',
    75: 'another run is pushing under the same name',
    77: 'the server or the storage refused, or the data directory may not be read',
    78: 'the data directory is not the one of the server, or a setting is wrong',
  },
  async run(app, { positionals, options }) {
    const [directory = ''] = positionals;
    const text = options['from-lsn'];
    if (typeof text !== 'string') {
      throw new ArchiverError('usage', '--from-lsn is missing', {
        hint: 'Give the LSN that the standby has reached: "Latest checkpoint’s REDO location" of pg_controldata.',
      });
    }
    const fromLsn = parseCatchupLsn(text);
    const started = app.clock.monotonicMs();
    const request = await backupRequestOf(app, options);
    const push = {
      ...request,
      fromLsn,
      directory,
      workerEntry: app.program.workerEntry,
      workers: workersOf(app, options),
      verify: { enabled: request.verifiesChecksums, blocksKept: corruptBlocksKept },
      stopTimeoutMs: readSetting(serverSettings.stopBackupTimeout, app.settings),
    };
    const catchup = await sharing(request.transport.storage, 'catchup-push', app, () => pushCatchup(push));
    app.logger.info('catchup pushed', {
      catchup: catchup.name,
      bytes: catchup.uncompressedBytes,
      storedBytes: catchup.compressedBytes,
      durationMs: Math.round(app.clock.monotonicMs() - started),
    });
    app.logger.info(
      `Wrote backup with name ${catchup.name} to storage ${request.transport.storageName ?? defaultStorageName}`,
    );
    return 0;
  },
});
