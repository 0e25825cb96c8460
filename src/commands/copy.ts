import { defineCommand, type App, type Arguments } from './command.ts';
import { openArchives, type CopyArchives } from './copy-run.ts';
import { databaseOfSettings, databaseOfStorage, type Database } from './database.ts';

/** `copy`: backups, with all that they need, from one archive to another. */
export const copy = defineCommand({
  name: 'copy',
  summary: 'Copy backups, with WAL or binlogs, to another storage, as they are or encoded anew.',
  positionals: [],
  options: {
    from: { type: 'string', short: 'f', placeholder: 'FILE', text: 'Configuration file of the archive to copy from.' },
    to: { type: 'string', short: 't', placeholder: 'FILE', text: 'Configuration file of the archive to copy to.' },
    'backup-name': {
      type: 'string',
      short: 'b',
      placeholder: 'NAME',
      text: 'Copy this backup and what it builds on; LATEST is the newest one. Default: all.',
    },
    all: { type: 'boolean', text: 'Copy all backups, as without --backup-name.' },
    'with-history': {
      type: 'boolean',
      short: 'w',
      text: 'Copy also all WAL or binlogs that were archived since, so that the copy can be recovered to any moment.',
    },
    're-encode': {
      type: 'boolean',
      text: 'Decrypt and decompress, then compress and encrypt as the target is configured: new keys, another method.',
    },
    'allow-missing-wal': {
      type: 'boolean',
      text: 'Copy although the source lacks WAL or binlogs; what lacks is told.',
    },
    verify: { type: 'boolean', text: 'Read everything back from the target and compare it with the source.' },
    'dry-run': { type: 'boolean', text: 'Only say what would be copied.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'copy --from s3.yaml --to disk.yaml', text: 'All backups, of PostgreSQL with the WAL that they need.' },
    { line: 'copy --from s3.yaml --to disk.yaml -b LATEST -w', text: 'The newest one, and all WAL or binlogs since.' },
    { line: 'copy --from old-key.yaml --to new-key.yaml -w --re-encode', text: 'Change the key of an archive.' },
  ],
  exitStatuses: {
    65: 'something in the source is damaged, or the copy differs; the rest was copied',
    66: 'no such backup, or WAL or binlogs that it needs are missing',
    69: 'a storage is unavailable; run it again to go on',
    73: 'the target holds other objects of these names, or is full',
    77: 'a storage refused, or a key does not fit',
  },
  async run(app, { options }) {
    const archives = await openArchives(app, options);
    if ((await databaseOfSource(app, options, archives)) === 'mysql') {
      const { copyMysql } = await import('./mysql/copy-run.ts');
      await copyMysql(app, options, archives);
    } else {
      const { copyPostgres } = await import('./postgres/copy-run.ts');
      await copyPostgres(app, options, archives);
    }
    return undefined;
  },
});

/** As the command line says, else the settings of the source, else what is in it. */
async function databaseOfSource(
  { signal }: App,
  options: Arguments['options'],
  { source, sourceArchive }: CopyArchives,
): Promise<Database> {
  const said = options['database'];
  if (said === 'postgres' || said === 'mysql') return said;
  return databaseOfSettings(sourceArchive.settings) ?? databaseOfStorage(source.storage, { signal });
}
