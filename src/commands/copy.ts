import { defineCommand } from './command.ts';
import { openArchives } from './copy-run.ts';

/** `copy`: backups, with all that they need, from one archive to another. */
export const copy = defineCommand({
  name: 'copy',
  summary: 'Copy backups and their WAL to another storage, as they are or encoded anew.',
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
      text: 'Copy also all WAL that was archived since, so that the copy can be recovered to any moment.',
    },
    're-encode': {
      type: 'boolean',
      text: 'Decrypt and decompress, then compress and encrypt as the target is configured: new keys, another method.',
    },
    'allow-missing-wal': { type: 'boolean', text: 'Copy although the source lacks WAL; what lacks is told.' },
    verify: { type: 'boolean', text: 'Read everything back from the target and compare it with the source.' },
    'dry-run': { type: 'boolean', text: 'Only say what would be copied.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'copy --from s3.yaml --to disk.yaml', text: 'All backups with the WAL that they need.' },
    { line: 'copy --from s3.yaml --to disk.yaml -b LATEST -w', text: 'The newest one, and all WAL since.' },
    { line: 'copy --from old-key.yaml --to new-key.yaml -w --re-encode', text: 'Change the key of an archive.' },
  ],
  exitStatuses: {
    65: 'something in the source is damaged, or the copy differs; the rest was copied',
    66: 'no such backup, or WAL that it needs is missing',
    69: 'a storage is unavailable; run it again to go on',
    73: 'the target holds other objects of these names, or is full',
    77: 'a storage refused, or a key does not fit',
  },
  async run(app, { options }) {
    const archives = await openArchives(app, options);
    const { copyPostgres } = await import('./postgres/copy-run.ts');
    await copyPostgres(app, options, archives);
    return undefined;
  },
});
