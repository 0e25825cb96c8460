import { holdShared } from '../../catalog/lease/lease.ts';
import { copyArchive } from '../../postgres/copy/carry-out.ts';
import { lackError, refusalError } from '../../postgres/copy/refusals.ts';
import { verifyCopy } from '../../postgres/copy/verify.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { copyJson, copyText, type CopyReport } from './copy-output.ts';
import { copyOptionsOf, openPool, openRequest, planOf, watched } from './copy-run.ts';

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
    const request = await openRequest(app, options);
    await using lease = request.isDryRun ? undefined : await holdShared(request.target.storage, 'copy', app);
    const { plan, base } = await planOf(app, request, options);
    const report = { ...base, plan };
    const lack = request.mayLackWal ? undefined : lackError(plan);
    const refusal = refusalError(plan);
    if (request.isDryRun || lack !== undefined) {
      await tell(app, { ...report, result: undefined, verified: undefined }, options);
      const problem = lack ?? refusal;
      if (problem !== undefined) throw problem;
      return undefined;
    }
    const objects = [
      ...plan.wal,
      ...plan.backups.flatMap(({ parts, notes, sentinel }) => [...parts, ...notes, sentinel]),
    ];
    const totalBytes = objects.reduce((sum, { object }) => sum + object.sizeBytes, 0);
    await using pool = openPool(app, request, options);
    const copying = { ...copyOptionsOf(app, request, { options, pool }), check: () => lease?.check() };
    const result = await watched(app, { label: 'copying', totalBytes, pool }, (onProgress) =>
      copyArchive(plan, { ...copying, onProgress }),
    );
    const verified =
      options['verify'] === true
        ? await watched(app, { label: 'verifying', totalBytes }, (onProgress) =>
            verifyCopy(plan, { ...copying, onProgress }),
          )
        : undefined;
    await tell(app, { ...report, result, verified }, options);
    if (refusal !== undefined) throw refusal;
    return undefined;
  },
});

async function tell(app: App, report: CopyReport, options: Arguments['options']): Promise<void> {
  await app.print(options['json'] === true ? `${copyJson(report)}\n` : copyText(report));
}
