import { parsePath } from '../../catalog/storage-tools/paths.ts';
import { moveObjects, objectsToMove } from '../../catalog/storage-tools/transfer.ts';
import { walFolder } from '../../catalog/layout.ts';
import { totalBytesOf } from '../../catalog/storage-tools/listing.ts';
import type { Key } from '../../storage/storage.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { endsOf, limitOf, listBelow, transfer, transferOptions, transferStatuses } from './transfer.ts';

/** `st transfer files`: moves whatever is below a folder. */
export const stTransferFiles = defineCommand({
  name: 'st transfer files',
  summary: 'Move objects from one of several storages to another; each for itself, in any order.',
  positionals: [{ name: 'prefix', text: 'Folder whose objects are moved, or one object', required: true }],
  options: transferOptions,
  examples: [
    { line: 'st transfer files wal_005/ --source disk', text: 'Bring home what went to a failover storage.' },
    { line: 'st transfer files notes/ -s default -t disk --preserve', text: 'Copy, and delete nothing.' },
  ],
  exitStatuses: transferStatuses,
  async run(app, { positionals: [prefix = ''], options }) {
    await transferFolder(app, parsePath(prefix).key, options);
    return undefined;
  },
});

/** `st transfer pg-wals`: moves the WAL archive. */
export const stTransferWals = defineCommand({
  name: 'st transfer pg-wals',
  summary: 'Move the WAL archive from one of several storages to another.',
  positionals: [],
  options: transferOptions,
  examples: [{ line: 'st transfer pg-wals --source disk', text: 'Bring home what went to a failover storage.' }],
  exitStatuses: transferStatuses,
  async run(app, { options }) {
    await transferFolder(app, walFolder, options);
    return undefined;
  },
});

async function transferFolder(app: App, folder: Key, options: Arguments['options']): Promise<void> {
  const { signal } = app;
  const ends = await endsOf(app, options);
  const single = folder === '' ? undefined : await ends.source.stat(folder, { signal });
  const source = single === undefined ? [...(await listBelow(ends.source, folder, signal)).values()] : [single];
  const target =
    single === undefined
      ? new Set((await listBelow(ends.target, folder, signal)).keys())
      : new Set((await ends.target.stat(folder, { signal })) === undefined ? [] : [folder]);
  const objects = objectsToMove(source, target, {
    overwrite: options['overwrite'] === true,
    maxObjects: limitOf(options, 'max-files'),
  });
  await transfer(app, ends, {
    options,
    totalBytes: totalBytesOf(objects),
    move: (moving) => moveObjects(objects, moving),
  });
}
