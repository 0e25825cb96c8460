import { basename, resolve } from 'node:path';
import { readLocalFile } from '../../catalog/storage-tools/local-file.ts';
import { parseObjectPath, parsePath } from '../../catalog/storage-tools/paths.ts';
import { openCodec } from '../../codecs/open.ts';
import { ArchiverError } from '../../errors.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { pushObject } from '../../pipeline/push-object.ts';
import { storedKey, type Transport } from '../../pipeline/transport.ts';
import { ObjectExistsError } from '../../storage/errors.ts';
import type { Key } from '../../storage/storage.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { atEach, targetOption, toolStatuses, transportsOf } from './places.ts';

/** `st put`: a local file as an object. */
export const stPut = defineCommand({
  name: 'st put',
  summary: 'Store a local file, compressed and encrypted as configured.',
  positionals: [
    { name: 'file', text: 'The file; with --read-stdin the object', required: true },
    { name: 'path', text: 'The object, without the suffix of compression', required: false },
  ],
  options: {
    'no-compress': { type: 'boolean', text: 'Do not compress it, and add no suffix to its name.' },
    'no-encrypt': { type: 'boolean', text: 'Do not encrypt it.' },
    force: { type: 'boolean', short: 'f', text: 'Replace an object of that name.' },
    'read-stdin': { type: 'boolean', short: 's', text: 'Read standard input instead of a file.' },
    ...targetOption,
  },
  examples: [
    { line: 'st put /tmp/notes.txt notes/today.txt', text: 'Stored as notes/today.txt.lz4, say.' },
    { line: 'st put --read-stdin --no-compress notes/now.txt', text: 'From a pipe.' },
  ],
  exitStatuses: { ...toolStatuses, 66: 'no such file', 73: 'there is such an object, or the storage is full' },
  async run(app, { positionals, options }) {
    const upload = uploadOf(positionals, options);
    await atEach(app, await transportsOf(app, 'write', options), async ({ transport }) => {
      await put(app, await configured(transport, options), upload);
    });
    return undefined;
  },
});

interface Upload {
  readonly key: Key;
  readonly open: () => ByteSource;
  /** It can be read only once. */
  readonly isOnce: boolean;
  readonly replace: boolean;
}

function uploadOf([first = '', second]: readonly string[], options: Arguments['options']): Upload {
  const isOnce = options['read-stdin'] === true;
  const replace = options['force'] === true;
  if (isOnce) {
    if (second !== undefined)
      throw new ArchiverError('usage', 'with --read-stdin only the name of the object is given');
    if (options['target'] === 'all') throw new ArchiverError('usage', '--read-stdin goes to one storage, not to all');
    return { key: parseObjectPath(first), open: () => process.stdin, isOnce, replace };
  }
  if (second === undefined) throw new ArchiverError('usage', 'the name of the object is missing');
  const { key, isFolder } = parsePath(second);
  const file = resolve(first);
  const inFolder = key === '' ? basename(file) : `${key}/${basename(file)}`;
  return { key: parseObjectPath(isFolder ? inFolder : key), open: () => readLocalFile(file), isOnce, replace };
}

async function configured(transport: Transport, options: Arguments['options']): Promise<Transport> {
  return {
    ...transport,
    ...(options['no-compress'] === true && { codec: await openCodec('none') }),
    ...(options['no-encrypt'] === true && { crypter: undefined }),
  };
}

async function put({ signal, logger }: App, transport: Transport, upload: Upload): Promise<void> {
  const { key: logicalKey, open, isOnce, replace } = upload;
  const key = storedKey(transport, logicalKey);
  // Before anything is read: not every storage can refuse it when it is written.
  if (!replace && (await transport.storage.stat(key, { signal })) !== undefined) throw exists(transport, key);
  try {
    const attempts = isOnce ? { attempts: 1 } : {};
    const pushed = await pushObject(transport, logicalKey, open, { ...attempts, ifAbsent: !replace, signal, logger });
    logger.info('object stored', { key: pushed.key, bytes: pushed.storedBytes });
  } catch (error) {
    if (error instanceof ObjectExistsError) throw exists(transport, key, error);
    throw error;
  }
}

function exists({ storage }: Transport, key: Key, cause?: unknown): ArchiverError {
  return new ObjectExistsError(key, storage.location, {
    cause,
    hint: 'Nothing was replaced. Choose another name, or say --force.',
  });
}
