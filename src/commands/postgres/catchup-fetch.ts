import { selectorOfName } from '../../catalog/backup-store.ts';
import { readSettings } from '../../config/setting.ts';
import { readSentinel } from '../../postgres/backup/backup-record.ts';
import { fetchSettings } from '../../postgres/backup/fetch-settings.ts';
import { selectBackup } from '../../postgres/backup/list.ts';
import { asCatchups, catchupKeyOf } from '../../postgres/catchup/catchup-storage.ts';
import { fetchCatchup, prepareCatchup } from '../../postgres/catchup/fetch-catchup.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { holderOf } from '../../storage/named-storages.ts';
import { defineCommand } from '../command.ts';
import { servicesOf } from './fetch-services.ts';
import { tellNextSteps } from './restored.ts';

/** `catchup-fetch`: brings a stopped standby up to date. */
export const catchupFetch = defineCommand({
  name: 'catchup-fetch',
  summary: 'Bring a stopped standby up to date that is far behind.',
  positionals: [
    { name: 'db_directory', text: 'The data directory of the standby, which must be stopped.', required: true },
    { name: 'catchup_name', text: 'A name from catchup-list, or LATEST.', required: true },
  ],
  options: {
    'use-new-unwrap': { type: 'boolean', text: 'Accepted as in WAL-G; there is one way to unpack here.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to fetch from; default: any of them.',
    },
  },
  examples: [
    { line: 'catchup-fetch $PGDATA LATEST', text: 'Unpack the newest catchup over the standby.' },
    { line: 'catchup-fetch $PGDATA base_000000010000000000000042', text: 'Unpack this one.' },
  ],
  exitStatuses: {
    64: 'the catchup does not fit the standby: the LSN to push from is told',
    65: 'the catchup is damaged; the standby cannot be started',
    66: 'no such catchup',
    69: 'storage unavailable',
    73: 'the directory is no standby, or of another cluster or history, or the disk is full',
    75: 'a server is running in the directory',
    77: 'the storage refused',
  },
  async run(app, args) {
    const { positionals, options } = args;
    const [dataDirectory = '', name = ''] = positionals;
    const { clock, signal, logger } = app;
    const started = clock.monotonicMs();
    const target = targetStorageOf(app.settings, options['target-storage']);
    const all = await app.transport('read', { target });
    const { name: catchup } = await selectBackup(asCatchups(all.storage), selectorOfName(name), { clock, signal });
    const holder = await holderOf(all.storage, catchupKeyOf(sentinelKey(catchup)), { signal });
    const transport = holder === undefined ? all : await app.transport('read', { target: holder.name });
    const sentinel = await readSentinel(asCatchups(transport.storage), catchup, { signal });
    const durable = !readSettings(fetchSettings, app.settings).disableFsync;
    const services = servicesOf(app, args, transport);
    const prepared = await prepareCatchup(services, { dataDirectory, catchup, sentinel, durable });
    const summary = await fetchCatchup(services, prepared);
    logger.info('standby caught up: start it, it follows its primary from there', {
      catchup,
      ...summary,
      durationMs: Math.round(clock.monotonicMs() - started),
    });
    tellNextSteps(app, { destination: summary.destination, additions: new Map() });
    return 0;
  },
});
