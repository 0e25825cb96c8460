import { randomBytes } from 'node:crypto';
import { fromBytes } from '../../bytes/stage.ts';
import { expandGlob, hasObjects, parsePath } from '../../catalog/storage-tools/paths.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { defineCommand } from '../command.ts';
import { atEach, globOption, placesOf, targetOption, toolStatuses } from './places.ts';

/** `st check read`: whether the storage can be listed, and objects are there. */
export const stCheckRead = defineCommand({
  name: 'st check read',
  summary: 'Check that the storage can be listed and that these objects or folders are there.',
  positionals: [{ name: 'names', text: 'Objects or folders', required: false, repeated: true }],
  options: { ...targetOption, ...globOption },
  examples: [{ line: 'st check read wal_005 basebackups_005', text: 'Is there an archive?' }],
  exitStatuses: { ...toolStatuses, 66: 'one of the names is not there' },
  async run(app, { positionals: names, options }) {
    const { signal, logger } = app;
    await atEach(app, await placesOf(app, options), async ({ storage }) => {
      await hasObjects(storage, '', { signal });
      for (const name of names) {
        if (!(await isThere(storage, name, { isGlob: options['glob'] === true, signal })))
          throw new ObjectNotFoundError(name, storage.location);
      }
    });
    logger.info('Read check OK');
    return undefined;
  },
});

async function isThere(
  storage: Storage,
  name: string,
  { isGlob, signal }: Abortable & { readonly isGlob: boolean },
): Promise<boolean> {
  if (isGlob) return (await expandGlob(storage, name, { signal })).length > 0;
  const { key, isFolder } = parsePath(name);
  if (!isFolder && (await storage.stat(key, { signal })) !== undefined) return true;
  return hasObjects(storage, key, { signal });
}

/** `st check write`: whether objects can be stored and deleted. */
export const stCheckWrite = defineCommand({
  name: 'st check write',
  summary: 'Check that a small object can be stored and deleted again.',
  positionals: [],
  options: targetOption,
  examples: [{ line: 'st check write --target all', text: 'Of every storage.' }],
  exitStatuses: { ...toolStatuses, 73: 'the storage is full' },
  async run(app, { options }) {
    const { signal, logger } = app;
    await atEach(app, await placesOf(app, options), async ({ storage }) => {
      const key = randomBytes(16).toString('hex');
      try {
        await storage.write(key, fromBytes(Buffer.from('test')), { signal });
      } finally {
        await storage.delete([key]);
      }
    });
    logger.info('Write check OK');
    return undefined;
  },
});
