import { expandGlob, objectsBelow, parsePath } from '../../catalog/storage-tools/paths.ts';
import { ArchiverError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { defineCommand, type App } from '../command.ts';
import { atEach, globOption, placesOf, targetOption, toolStatuses, type Place } from './places.ts';

/** `st rm`: deletes an object, or all below a folder, without asking. */
export const stRm = defineCommand({
  name: 'st rm',
  summary: 'Delete an object of the storage, or a folder with all that is in it. It asks nothing and checks nothing.',
  positionals: [{ name: 'path', text: 'The object or folder; with a slash at its end the folder', required: true }],
  options: {
    'dry-run': { type: 'boolean', text: 'Only say what would be deleted.' },
    'all-versions': {
      type: 'boolean',
      text: 'Delete older versions as well. That is always done where the bucket keeps versions.',
    },
    ...targetOption,
    ...globOption,
  },
  examples: [
    { line: 'st rm wal_005/000000010000000000000001.lz4', text: 'One object.' },
    { line: 'st rm --dry-run basebackups_005/base_000000010000000000000002/', text: 'What is in a folder.' },
  ],
  exitStatuses: { ...toolStatuses, 66: 'nothing there' },
  async run(app, { positionals: [path = ''], options }) {
    const removal = { path, isGlob: options['glob'] === true, isDryRun: options['dry-run'] === true };
    await atEach(app, await placesOf(app, options), (place) => remove(app, place, removal));
    return undefined;
  },
});

interface Removal {
  readonly path: string;
  readonly isGlob: boolean;
  readonly isDryRun: boolean;
}

async function remove(app: App, { name, storage }: Place, removal: Removal): Promise<void> {
  const { logger, signal } = app;
  const { path, isDryRun } = removal;
  const objects = await objectsOf({ storage }, removal, signal);
  if (objects.length === 0) throw new ObjectNotFoundError(path, storage.location);
  const keys = objects.map(({ key }) => key);
  if (isDryRun) {
    for (const key of keys) await app.print(`${key}\n`);
    logger.info('these would be deleted', { objects: keys.length, storage: name });
    return;
  }
  // Sentinels first: what is cut off leaves no backup that looks whole.
  const isSentinel = (key: string): boolean => key.endsWith('_sentinel.json');
  const sentinels = keys.filter(isSentinel);
  if (sentinels.length > 0) await storage.delete(sentinels, { signal });
  await storage.delete(
    keys.filter((key) => !isSentinel(key)),
    { signal },
  );
  logger.info('deleted', { objects: keys.length, storage: name });
}

async function objectsOf(
  { storage }: Pick<Place, 'storage'>,
  { path, isGlob }: Removal,
  signal: AbortSignal,
): Promise<readonly ObjectInfo[]> {
  if (isGlob) return objectsBelow(storage, await expandGlob(storage, path, { signal }), { signal });
  const { key, isFolder } = parsePath(path);
  if (key === '') {
    throw new ArchiverError('usage', 'the path is the whole storage', {
      hint: 'Name an object or a folder; "delete everything" deletes backups and WAL.',
    });
  }
  const object = isFolder ? undefined : await storage.stat(key, { signal });
  return object === undefined ? objectsBelow(storage, [{ kind: 'folder', key }], { signal }) : [object];
}
