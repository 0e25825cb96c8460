import { listFolder, listedItem, inOrder, type ListedItem } from '../../catalog/storage-tools/listing.ts';
import { expandGlob, objectsBelow, parsePath } from '../../catalog/storage-tools/paths.ts';
import { ArchiverError } from '../../errors.ts';
import { defineCommand, type App } from '../command.ts';
import { objectJson, objectTable } from './object-table.ts';
import { atEach, globOption, placesOf, targetOption, toolStatuses, type Place } from './places.ts';

/** `st ls`: what is in a storage. */
export const stLs = defineCommand({
  name: 'st ls',
  summary: 'List objects and folders of the storage.',
  positionals: [{ name: 'path', text: 'Folder to list; default: the root', required: false }],
  options: {
    recursive: { type: 'boolean', short: 'r', text: 'List all objects below.' },
    'all-versions': {
      type: 'boolean',
      text: 'List older versions and deletions as well, where the storage keeps them (S3).',
    },
    json: { type: 'boolean', text: 'Print JSON.' },
    ...targetOption,
    ...globOption,
  },
  examples: [
    { line: 'st ls', text: 'The folders of the archive.' },
    { line: 'st ls -r basebackups_005', text: 'All objects of all backups.' },
    { line: "st ls -g 'wal_005/00000002*'", text: 'The WAL of timeline 2.' },
  ],
  exitStatuses: toolStatuses,
  async run(app, { positionals: [path = ''], options }) {
    const places = await placesOf(app, options);
    if (options['glob'] === true && options['all-versions'] === true) {
      throw new ArchiverError('usage', '--glob and --all-versions exclude each other');
    }
    const listing = {
      allVersions: options['all-versions'] === true,
      path,
      isGlob: options['glob'] === true,
      recursive: options['recursive'] === true,
    };
    const all: (ListedItem & { readonly storage?: string })[] = [];
    await atEach(app, places, async (place) => {
      const items = await itemsOf(app, place, listing);
      if (options['json'] !== true) {
        if (places.length > 1) app.logger.info('listing', { storage: place.name });
        await app.print(objectTable(items));
      } else all.push(...items.map((item) => (places.length > 1 ? { ...item, storage: place.name } : item)));
    });
    if (options['json'] === true) await app.print(`${objectJson(all)}\n`);
    return undefined;
  },
});

interface Listing {
  readonly path: string;
  readonly isGlob: boolean;
  readonly recursive: boolean;
  readonly allVersions: boolean;
}

async function itemsOf(
  { signal }: App,
  { storage }: Place,
  { path, isGlob, recursive, allVersions }: Listing,
): Promise<readonly ListedItem[]> {
  if (!isGlob) return listFolder(storage, parsePath(path).key, { recursive, allVersions, signal });
  const found = await expandGlob(storage, path, { signal });
  const items = recursive ? await objectsBelow(storage, found, { signal }) : found;
  return inOrder(items.map((item) => listedItem(item, '')));
}
