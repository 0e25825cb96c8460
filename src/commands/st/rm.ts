import {
  expandGlob,
  objectsBelow,
  parseObjectPath,
  parsePath,
  type StoragePath,
} from '../../catalog/storage-tools/paths.ts';
import { ArchiverError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { deleteVersion, versionsBelow } from '../../storage/versions.ts';
import type { ObjectInfo, Storage } from '../../storage/storage.ts';
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
      text: 'Delete also what only has older versions left. Those of other objects are always deleted.',
    },
    'version-id': {
      type: 'string',
      placeholder: 'ID',
      text: 'Delete this version of the object and no other; st ls --all-versions shows them.',
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
    const version = options['version-id'];
    if (typeof version === 'string') {
      if (options['glob'] === true || options['all-versions'] === true || options['dry-run'] === true) {
        throw new ArchiverError('usage', '--version-id excludes --glob, --all-versions and --dry-run');
      }
      const key = parseObjectPath(path);
      await atEach(app, await placesOf(app, options), ({ storage }) =>
        deleteVersion(storage, key, version, { signal: app.signal }),
      );
      app.logger.info('version deleted', { key, version });
      return undefined;
    }
    const removal = {
      allVersions: options['all-versions'] === true,
      path,
      isGlob: options['glob'] === true,
      isDryRun: options['dry-run'] === true,
    };
    await atEach(app, await placesOf(app, options), (place) => remove(app, place, removal));
    return undefined;
  },
});

interface Removal {
  readonly path: string;
  readonly isGlob: boolean;
  readonly isDryRun: boolean;
  /** Also objects of which only older versions are left. */
  readonly allVersions: boolean;
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
  { path, isGlob, allVersions }: Removal,
  signal: AbortSignal,
): Promise<readonly ObjectInfo[]> {
  if (isGlob) return objectsBelow(storage, await expandGlob(storage, path, { signal }), { signal });
  const { key, isFolder } = parsePath(path);
  if (key === '') {
    throw new ArchiverError('usage', 'the path is the whole storage', {
      hint: 'Name an object or a folder; "delete everything" deletes backups and WAL.',
    });
  }
  if (allVersions) return everKept(storage, { key, isFolder }, signal);
  const object = isFolder ? undefined : await storage.stat(key, { signal });
  return object === undefined ? objectsBelow(storage, [{ kind: 'folder', key }], { signal }) : [object];
}

/** Every object of which there is any version: the one of that name, else all below. */
async function everKept(
  storage: Storage,
  { key, isFolder }: StoragePath,
  signal: AbortSignal,
): Promise<readonly ObjectInfo[]> {
  const parent = key.slice(0, Math.max(key.lastIndexOf('/'), 0));
  const found = new Map<string, ObjectInfo>();
  for await (const info of versionsBelow(storage, parent, { signal })) {
    const isInside = info.key.startsWith(`${key}/`);
    if (isInside || (info.key === key && !isFolder)) found.set(info.key, info);
  }
  const object = found.get(key);
  return object === undefined ? [...found.values()] : [object];
}
