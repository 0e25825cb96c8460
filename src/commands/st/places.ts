/** Which storages the tools work with: `--target`. */
import { readSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Transport, TransportPurpose } from '../../pipeline/transport.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { mirrorSettings } from '../../storage/mirror/settings.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import type { Storage } from '../../storage/storage.ts';
import type { App, Arguments, OptionSpec } from '../command.ts';

/** The option of every tool. */
export const targetOption = {
  target: {
    type: 'string',
    short: 't',
    placeholder: 'NAME',
    text: 'Of several storages: this one; "all" is each in turn. Default: WALG_TARGET_STORAGE, else "default"; of mirrors all as one.',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** The option of tools that work with many objects. */
export const globOption = {
  glob: {
    type: 'boolean',
    short: 'g',
    text: 'The path is a pattern: * and ? stop at slashes, [a-z] is one of these characters.',
  },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Exit statuses that all tools have. */
export const toolStatuses = {
  69: 'the storage is unavailable',
  77: 'the storage refused, or a key does not fit',
} satisfies Readonly<Record<number, string>>;

const everyStorage = 'all';

/** A storage to work with. */
export interface Place {
  /** For messages, when there are several. */
  readonly name: string;
  readonly storage: Storage;
}

/** The storages that `--target` names. @throws ArchiverError (`config`) when there is none of that name */
export async function placesOf(app: App, options: Arguments['options']): Promise<readonly Place[]> {
  const target = targetStorageOf(app.settings, options['target']);
  if (target === everyStorage) {
    const storage = await app.storage();
    const several = storage.members ?? storage.copies;
    return several ?? [{ name: defaultStorageName, storage }];
  }
  if (target !== undefined) return [{ name: target, storage: await app.storage({ target }) }];
  const choice = hasMirrors(app) ? {} : { target: defaultStorageName };
  return [{ name: defaultStorageName, storage: await app.storage(choice) }];
}

/** The same with codec and keys. */
export async function transportsOf(
  app: App,
  purpose: TransportPurpose,
  options: Arguments['options'],
): Promise<readonly (Place & { readonly transport: Transport })[]> {
  const target = targetStorageOf(app.settings, options['target']);
  const open = async (name: string | undefined): Promise<Place & { readonly transport: Transport }> => {
    const transport = await app.transport(purpose, name === undefined ? {} : { target: name });
    return { name: name ?? defaultStorageName, storage: transport.storage, transport };
  };
  if (target === everyStorage && !hasMirrors(app)) {
    const { members } = await app.storage();
    return Promise.all((members ?? [{ name: defaultStorageName }]).map(({ name }) => open(name)));
  }
  if (target !== undefined && target !== everyStorage) return [await open(target)];
  return [await open(hasMirrors(app) ? undefined : defaultStorageName)];
}

function hasMirrors({ settings }: App): boolean {
  return readSettings(mirrorSettings, settings).storages !== undefined;
}

/**
 * Does the same at each of several storages, one after the other; it is enough when it goes well at one.
 *
 * @throws what failed at the first, when it failed everywhere
 */
export async function atEach<P extends Place>(
  { logger, signal }: App,
  places: readonly P[],
  work: (place: P) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      await work(place);
    } catch (error) {
      if (signal.aborted || (error instanceof ArchiverError && error.kind === 'usage')) throw error;
      failures.push(error);
      if (places.length > 1) logger.warn('failed at a storage', { storage: place.name, reason: messageOf(error) });
    }
  }
  if (failures.length === places.length && failures.length > 0) throw failures[0];
}
