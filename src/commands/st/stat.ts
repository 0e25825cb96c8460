import { listedItem } from '../../catalog/storage-tools/listing.ts';
import { parseObjectPath } from '../../catalog/storage-tools/paths.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { defineCommand } from '../command.ts';
import { objectJson, objectTable } from './object-table.ts';
import { atEach, placesOf, targetOption, toolStatuses } from './places.ts';

/** `st stat`: size and time of one object. */
export const stStat = defineCommand({
  name: 'st stat',
  summary: 'Show size and time of one object of the storage.',
  positionals: [{ name: 'path', text: 'The object', required: true }],
  options: { json: { type: 'boolean', text: 'Print JSON.' }, ...targetOption },
  examples: [{ line: 'st stat wal_005/000000010000000000000001.lz4', text: 'One request.' }],
  exitStatuses: { ...toolStatuses, 66: 'no such object' },
  async run(app, { positionals: [path = ''], options }) {
    const key = parseObjectPath(path);
    await atEach(app, await placesOf(app, options), async ({ storage }) => {
      const info = await storage.stat(key, { signal: app.signal });
      if (info === undefined) throw new ObjectNotFoundError(key, storage.location);
      const items = [listedItem(info, '')];
      await app.print(options['json'] === true ? `${objectJson(items)}\n` : objectTable(items));
    });
    return undefined;
  },
});
