import { resolve } from 'node:path';
import { isFolder, localPathFor, writeLocalFile } from '../../catalog/storage-tools/local-file.ts';
import { objectKeys } from '../../catalog/storage-tools/paths.ts';
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Key } from '../../storage/storage.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { decodedName, openObject } from './decoded.ts';
import { globOption, targetOption, toolStatuses, transportsOf } from './places.ts';

/** `st get`: an object as a local file. */
export const stGet = defineCommand({
  name: 'st get',
  summary: 'Write an object of the storage to a local file, decrypted and decompressed.',
  positionals: [
    { name: 'path', text: 'The object', required: true },
    { name: 'destination', text: 'File to write, or a folder to write it to', required: true },
  ],
  options: {
    'no-decompress': { type: 'boolean', text: 'Leave it compressed.' },
    'no-decrypt': { type: 'boolean', text: 'Leave it encrypted; then it is not decompressed either.' },
    force: { type: 'boolean', short: 'f', text: 'Replace a file that is there.' },
    ...targetOption,
    ...globOption,
  },
  examples: [
    { line: 'st get wal_005/000000010000000000000001.lz4 /tmp/segment', text: 'A WAL segment as PostgreSQL wrote it.' },
    { line: "st get -g 'wal_005/*.history*' /tmp/histories", text: 'Several objects into a folder.' },
  ],
  exitStatuses: {
    ...toolStatuses,
    65: 'the object is damaged',
    66: 'no such object',
    73: 'the file exists, or cannot be written',
  },
  async run(app, { positionals: [path = '', destination = ''], options }) {
    const local = resolve(destination);
    if (options['glob'] === true && !isFolder(local)) {
      throw new ArchiverError('usage', `with --glob the destination must be a folder: "${local}"`);
    }
    if (destination.endsWith('/') && !isFolder(local)) {
      throw new ArchiverError('cannotWrite', `there is no such folder: "${destination}"`);
    }
    const places = await transportsOf(app, 'read', options);
    let failure: unknown;
    for (const { transport } of places) {
      try {
        const isGlob = options['glob'] === true;
        const keys = await objectKeys(transport.storage, path, { isGlob, signal: app.signal });
        for (const key of keys) await get(app, transport, { key, local, options });
        return undefined;
      } catch (error) {
        // Of several storages the first that has it is enough.
        if (!(error instanceof ObjectNotFoundError)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  },
});

async function get(
  { logger, signal }: App,
  transport: Transport,
  { key, local, options }: { readonly key: Key; readonly local: string; readonly options: Arguments['options'] },
): Promise<void> {
  const decrypt = options['no-decrypt'] !== true;
  // What is still encrypted cannot be decompressed.
  const decompress = options['no-decompress'] !== true && (decrypt || transport.crypter === undefined);
  const file = localPathFor(local, decodedName(key, { decrypt, decompress }, logger));
  const bytes = await openObject(transport, key, { decrypt, decompress, signal });
  const sizeBytes = await writeLocalFile(file, bytes, { replace: options['force'] === true, signal });
  logger.info('object written to a file', { key, file, bytes: sizeBytes });
}
