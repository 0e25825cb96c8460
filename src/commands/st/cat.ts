import { objectKeys } from '../../catalog/storage-tools/paths.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { defineCommand } from '../command.ts';
import { openObject, requireKey } from './decoded.ts';
import { globOption, targetOption, toolStatuses, transportsOf } from './places.ts';

/** `st cat`: an object on standard output. */
export const stCat = defineCommand({
  name: 'st cat',
  summary: 'Print an object of the storage, as it is stored.',
  positionals: [{ name: 'path', text: 'The object', required: true }],
  options: {
    decompress: { type: 'boolean', text: 'Decompress it, by the suffix of its name.' },
    decrypt: { type: 'boolean', text: 'Decrypt it with the key that is set.' },
    ...targetOption,
    ...globOption,
  },
  examples: [
    { line: 'st cat basebackups_005/base_000000010000000000000002_backup_stop_sentinel.json', text: 'A sentinel.' },
    { line: 'st cat wal_005/00000002.history.lz4 --decrypt --decompress', text: 'A history file in clear.' },
  ],
  exitStatuses: { ...toolStatuses, 65: 'the object is damaged', 66: 'no such object' },
  async run(app, { positionals: [path = ''], options }) {
    const decoding = { decrypt: options['decrypt'] === true, decompress: options['decompress'] === true };
    let failure: unknown;
    for (const { transport } of await transportsOf(app, 'read', options)) {
      if (decoding.decrypt) requireKey(transport);
      try {
        for (const key of await objectKeys(transport.storage, path, {
          isGlob: options['glob'] === true,
          signal: app.signal,
        })) {
          const bytes = await openObject(transport, key, { ...decoding, signal: app.signal });
          for await (const chunk of bytes) {
            app.signal.throwIfAborted();
            await app.printBytes(chunk);
          }
        }
        return undefined;
      } catch (error) {
        if (!(error instanceof ObjectNotFoundError)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  },
});
