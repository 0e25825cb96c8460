import { ArchiverError } from '../../errors.ts';
import { defineCommand } from '../command.ts';
import { openArchives } from '../copy-run.ts';
import { copyMysql } from './copy-run.ts';

/** `backup-copy`: the older name of `copy`, which can also give the copy of a backup another name. */
export const backupCopy = defineCommand({
  name: 'backup-copy',
  summary: 'Copy backups to another storage, if need be under another name.',
  positionals: [],
  options: {
    from: { type: 'string', short: 'f', placeholder: 'FILE', text: 'Configuration file of the archive to copy from.' },
    to: { type: 'string', short: 't', placeholder: 'FILE', text: 'Configuration file of the archive to copy to.' },
    'backup-name': {
      type: 'string',
      short: 'b',
      placeholder: 'NAME',
      text: 'Copy this backup and what it builds on; LATEST is the newest one.',
    },
    all: { type: 'boolean', short: 'a', text: 'Copy all backups.' },
    'add-prefix': {
      type: 'string',
      short: 'p',
      placeholder: 'PREFIX',
      text: 'What goes before the name of the backup, and of those it builds on, in the target.',
    },
    'dry-run': { type: 'boolean', text: 'Only say what would be copied.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'backup-copy --from s3.yaml --to disk.yaml --all', text: 'All backups, without binlogs.' },
    {
      line: 'backup-copy --from s3.yaml --to s3-kept.yaml -b LATEST -p kept_',
      text: 'The newest one, as kept_stream_….',
    },
  ],
  exitStatuses: {
    65: 'something in the source is damaged; the rest was copied',
    66: 'no such backup',
    69: 'a storage is unavailable; run it again to go on',
    73: 'the target holds other objects of these names, or is full',
    77: 'a storage refused',
  },
  async run(app, { options }) {
    const isAll = options['all'] === true;
    if (isAll === (options['backup-name'] !== undefined)) {
      throw new ArchiverError('usage', 'either --backup-name or --all is needed', {
        hint: 'Name one backup, or ask for all of them.',
      });
    }
    if (isAll && options['add-prefix'] !== undefined) {
      throw new ArchiverError('usage', '--all and --add-prefix exclude each other', {
        hint: 'Give other names to one backup at a time.',
      });
    }
    await copyMysql(app, options, await openArchives(app, options));
    return undefined;
  },
});
