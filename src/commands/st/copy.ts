import { resolve } from 'node:path';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { copyObjects, type CopiedObjects } from '../../catalog/storage-tools/copy-objects.ts';
import { totalBytesOf } from '../../catalog/storage-tools/listing.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { networkSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { isPlain } from './decoded.ts';
import { toolStatuses } from './places.ts';

/** `st copy`: objects from one archive to another, whatever they are. */
export const stCopy = defineCommand({
  name: 'st copy',
  summary: 'Copy objects to the storage of another configuration; "copy" knows about backups, this does not.',
  positionals: [],
  options: {
    from: { type: 'string', placeholder: 'FILE', text: 'Configuration file of the storage to copy from.' },
    to: { type: 'string', placeholder: 'FILE', text: 'Configuration file of the storage to copy to.' },
    prefix: {
      type: 'string',
      short: 'p',
      placeholder: 'TEXT',
      text: 'Copy objects whose names begin so; default: all.',
    },
    'decrypt-source': {
      type: 'boolean',
      short: 'd',
      text: 'Decrypt objects with the key of the source; JSON is in clear.',
    },
    'encrypt-source': { type: 'boolean', short: 'e', text: 'Encrypt objects with the key of the target.' },
    force: {
      type: 'boolean',
      text: 'Replace objects that the target has; default: those of other sizes are an error.',
    },
  },
  examples: [
    { line: 'st copy --from s3.yaml --to disk.yaml --prefix wal_005/', text: 'The WAL archive.' },
    { line: 'st copy --from old.yaml --to new.yaml -d -e', text: 'With another key.' },
  ],
  exitStatuses: { ...toolStatuses, 65: 'an object is damaged', 73: 'the target has other objects, or is full' },
  async run(app, { options }) {
    const { from, to, prefix = '' } = options;
    if (typeof from !== 'string' || typeof to !== 'string' || typeof prefix !== 'string') {
      throw new ArchiverError('usage', '--from and --to are needed');
    }
    const source = await (await app.otherArchive(resolve(from))).transport('read');
    const target = await (await app.otherArchive(resolve(to))).transport('write');
    if (source.storage.location === target.storage.location) {
      throw new ArchiverError('usage', `--from and --to are the same place: ${source.storage.location}`);
    }
    const objects: ObjectInfo[] = [];
    // Part of a name is enough, so that the folder it is in must be listed.
    const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/')) : '';
    for await (const item of source.storage.list(folder, { recursive: true, signal: app.signal })) {
      if (item.kind === 'object' && item.key.startsWith(prefix)) objects.push(item);
    }
    const progress = showTransfer(app, 'copying', totalBytesOf(objects));
    let done: CopiedObjects;
    try {
      done = await copyObjects(objects, {
        ...(await endsOf(app, { source, target }, options)),
        isPlain,
        replace: options['force'] === true,
        limiter: limiterOf(app, options),
        logger: app.logger,
        signal: app.signal,
        onProgress: (bytes) => {
          progress.update(bytes);
        },
      });
    } finally {
      progress.finish();
    }
    app.logger.info('copied', { objects: done.copied, present: done.present });
    return undefined;
  },
});

async function endsOf(
  app: App,
  { source, target }: { readonly source: Transport; readonly target: Transport },
  options: Arguments['options'],
) {
  const decrypting = options['decrypt-source'] === true;
  const encrypting = options['encrypt-source'] === true;
  // WAL-G decrypts with the key of the run; where the file has none, that is meant.
  const decrypter = decrypting ? (source.crypter ?? (await app.transport('read')).crypter) : undefined;
  if (decrypting && decrypter === undefined) throw noKey('--decrypt-source', '--from');
  if (encrypting && target.crypter === undefined) throw noKey('--encrypt-source', '--to');
  return {
    source: source.storage,
    target: target.storage,
    decrypter,
    encrypter: encrypting ? target.crypter : undefined,
  };
}

function noKey(option: string, file: string): ArchiverError {
  return new ArchiverError('config', `${option} is given, and the file of ${file} sets no key`, {
    hint: `Set the key in that file, or leave ${option} out.`,
  });
}

function limiterOf({ settings }: App, options: Arguments['options']) {
  const { rateLimit } = readSettings(networkSettings, settings);
  return rateLimit === undefined || options['turbo'] === true ? undefined : createRateLimiter(rateLimit);
}
