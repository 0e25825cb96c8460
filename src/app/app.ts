/** The running program as commands see it: opens what they ask for, when they ask for it. */
import { availableParallelism } from 'node:os';
import type { App, OtherArchive, ProgramInfo, SettingsOrigin } from '../commands/command.ts';
import type { RawSettings } from '../config/setting.ts';
import { ArchiverError, codeOf } from '../errors.ts';
import type { Transport } from '../pipeline/transport.ts';
import { systemClock } from '../platform/clock.ts';
import type { Storage } from '../storage/storage.ts';
import type { Log } from './log.ts';

/** What an app is made of. */
export interface AppOptions {
  readonly settings: RawSettings;
  /** Default: nothing is known of it. */
  readonly configuration?: SettingsOrigin;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly program: ProgramInfo;
}

/** Whoever read stdout has gone; there is nobody to tell. */
export class OutputClosedError extends ArchiverError {
  constructor(options: { readonly cause: unknown }) {
    super('cannotWrite', 'standard output is closed', options);
  }
}

/** Opens the app; disposing it closes the storage, if a command opened it. */
export function openApp({
  settings,
  configuration = { path: undefined, warnings: [] },
  log,
  signal,
  program,
}: AppOptions): App & AsyncDisposable {
  const { logger } = log;
  const transports = new Map<string, Promise<Transport & AsyncDisposable>>();
  const storages = new Map<string, Promise<Storage>>();
  const others: Promise<OtherArchive & AsyncDisposable>[] = [];
  return {
    settings,
    configuration,
    logger,
    clock: systemClock,
    signal,
    program,
    print,
    printBytes: print,
    // Looking at process.stderr opens it as a stream, which the hot commands do without.
    get interactive() {
      if (!log.toStandardError || log.format !== 'text' || !process.stderr.isTTY) return false;
      // A terminal that goes away must not end a backup that nohup protects.
      process.stderr.off('error', ignore).on('error', ignore);
      return true;
    },
    transport(purpose, choice = {}) {
      const id = JSON.stringify([purpose, choice.target, choice.wholly]);
      const opened =
        transports.get(id) ??
        import('./transport.ts').then(({ openTransport }) =>
          openTransport(settings, { ...choice, logger, purpose, signal, helpers: helpers() }),
        );
      transports.set(id, opened);
      return opened;
    },
    storage({ target } = {}) {
      const id = target ?? '';
      const opened =
        storages.get(id) ??
        import('./transport.ts').then(async ({ openChosenStorage }) => {
          const { storage } = await openChosenStorage(settings, { target, logger, purpose: 'read', signal });
          return storage;
        });
      storages.set(id, opened);
      return opened;
    },
    otherArchive(path) {
      const opening = import('./other-archive.ts').then(({ openOtherArchive }) =>
        openOtherArchive(path, { settings, logger, signal, helpers: helpers() }),
      );
      others.push(opening);
      return opening;
    },
    async [Symbol.asyncDispose]() {
      for (const opening of [...transports.values(), ...storages.values(), ...others]) {
        const opened = await opening.catch(() => undefined);
        await opened?.[Symbol.asyncDispose]();
      }
    },
  };
}

/** Node's pool has four threads. */
function helpers(): number {
  const cpus = availableParallelism();
  return cpus === 1 ? 0 : Math.min(4, cpus);
}

function ignore(): void {
  // there is nobody to tell
}

/** Writes to stdout and waits until it is written. @throws OutputClosedError */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.once('error', failed);
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined) {
        process.stdout.off('error', failed);
        done();
      } else failed(error);
    });
    function failed(cause: unknown): void {
      if (codeOf(cause) === 'EPIPE') fail(new OutputClosedError({ cause }));
      else fail(new ArchiverError('cannotWrite', 'cannot write to standard output', { cause }));
    }
  });
}
