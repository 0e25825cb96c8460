/** Watches how a storage does what it is asked for. */
import type { ByteSource } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../errors.ts';
import type { FolderInfo, ObjectInfo, Storage } from '../storage.ts';
import { weightOf } from './aliveness.ts';

/** Told of every operation that says something about the storage: what it weighs, and whether the storage did it. */
export type Report = (operation: { readonly weight: number; readonly succeeded: boolean }) => void;

/** Whether the storage did what it could; undefined when the error says nothing about it. */
function verdictOn(error: unknown): boolean | undefined {
  if (error instanceof ObjectNotFoundError || error instanceof ObjectExistsError) return true;
  return isFailureOfStorage(error) ? false : undefined;
}

/** Another storage may do what this one did not. */
export function isFailureOfStorage(error: unknown): error is ArchiverError {
  if (!(error instanceof ArchiverError) || error instanceof ObjectExistsError) return false;
  return ['unavailable', 'forbidden', 'cannotWrite', 'config'].includes(error.kind);
}

/** The same storage, which tells `report` of each of its operations. */
export function withReports(storage: Storage, report: Report): Storage {
  async function reporting<T>(weight: () => number, act: () => Promise<T>, isOurs?: (error: unknown) => boolean) {
    let result: T;
    try {
      result = await act();
    } catch (error) {
      const succeeded = isOurs?.(error) === false ? undefined : verdictOn(error);
      if (succeeded !== undefined) report({ weight: weight(), succeeded });
      throw error;
    }
    report({ weight: weight(), succeeded: true });
    return result;
  }

  async function* reported(source: ByteSource): ByteSource {
    let bytes = 0;
    const weight = (): number => weightOf({ verb: 'read', bytes });
    try {
      for await (const chunk of source) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (verdictOn(error) === false) report({ weight: weight(), succeeded: false });
      throw error;
    }
    report({ weight: weight(), succeeded: true });
  }

  return {
    get location() {
      return storage.location;
    },
    isRemote: storage.isRemote,
    async read(key, options) {
      try {
        return reported(await storage.read(key, options));
      } catch (error) {
        const succeeded = verdictOn(error);
        if (succeeded !== undefined) report({ weight: weightOf({ verb: 'read', bytes: 0 }), succeeded });
        throw error;
      }
    },
    write(key, body, options) {
      let bytes = 0;
      const failure: unknown[] = [];
      async function* watched(): ByteSource {
        try {
          for await (const chunk of body) {
            bytes += chunk.length;
            yield chunk;
          }
        } catch (error) {
          failure.push(error);
          throw error;
        }
      }
      return reporting(
        () => weightOf({ verb: 'write', bytes }),
        () => storage.write(key, watched(), options),
        (error) => !failure.includes(error),
      );
    },
    stat: (key, options) =>
      reporting(
        () => weightOf({ verb: 'stat' }),
        () => storage.stat(key, options),
      ),
    async *list(prefix, options): AsyncIterable<ObjectInfo | FolderInfo> {
      const weight = weightOf({ verb: 'list' });
      try {
        yield* storage.list(prefix, options);
      } catch (error) {
        if (verdictOn(error) === false) report({ weight, succeeded: false });
        throw error;
      }
      report({ weight, succeeded: true });
    },
    delete: (keys, options) =>
      reporting(
        () => weightOf({ verb: 'delete', files: keys.length }),
        () => storage.delete(keys, options),
      ),
    copy: (from, to, options) =>
      reporting(
        () => weightOf({ verb: 'copy' }),
        () => storage.copy(from, to, options),
      ),
    removeLeftovers: (prefix, options) => storage.removeLeftovers(prefix, options),
    protection: async (options) => (await storage.protection?.(options)) ?? {},
    versions: storage.versions,
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
