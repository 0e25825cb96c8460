/** A program in memory for tests of commands: what they print and log is kept. */
import type { App, OtherArchive } from '../src/commands/command.ts';
import { rawSettings } from '../src/config/setting.ts';
import type { Transport } from '../src/pipeline/transport.ts';
import type { Clock } from '../src/platform/clock.ts';
import { defaultStorageName, storageNamed } from '../src/storage/named-storages.ts';
import type { Storage } from '../src/storage/storage.ts';
import { fakeClock } from './fake-clock.ts';
import { recordingLogger } from './recording-logger.ts';

/** What the program finds. */
export interface CommandAppOptions {
  /** Also what is opened without a target, when there are several. */
  readonly transport: Transport;
  /** By name; default: the one of the transport, as `default`. */
  readonly storages?: ReadonlyMap<string, Storage>;
  /** By the paths of their configuration files. */
  readonly others?: ReadonlyMap<string, Transport>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** The program, and what became of it. */
export interface CommandApp extends App {
  readonly logger: ReturnType<typeof recordingLogger>;
  /** Everything that was printed. */
  printed(): Buffer;
}

/** Makes one. */
export function commandApp({
  transport,
  storages,
  others,
  settings = {},
  clock = fakeClock(),
}: CommandAppOptions): CommandApp {
  const printed: Buffer[] = [];
  const named = storages ?? new Map([[defaultStorageName, transport.storage]]);
  const storageOf = (target: string | undefined): Storage => {
    if (target === undefined) return transport.storage;
    return storageNamed(
      target,
      [...named].map(([name, storage]) => ({ name, storage })),
    ).storage;
  };
  const raw = rawSettings(settings);
  return {
    settings: raw,
    configuration: { path: undefined, warnings: [] },
    logger: recordingLogger(),
    clock,
    signal: new AbortController().signal,
    interactive: false,
    program: { version: '0', path: '', leadingArguments: [], workerEntry: new URL('file:///'), name: 'walvault' },
    printed: () => Buffer.concat(printed),
    print: (text) => {
      printed.push(Buffer.from(text));
      return Promise.resolve();
    },
    printBytes: (bytes) => {
      printed.push(Buffer.from(bytes));
      return Promise.resolve();
    },
    storage: async ({ target } = {}) => Promise.resolve(storageOf(target)),
    transport: async (_purpose, { target } = {}) => Promise.resolve({ ...transport, storage: storageOf(target) }),
    otherArchive: async (path): Promise<OtherArchive> => {
      const other = others?.get(path);
      if (other === undefined) throw new Error(`no such archive: ${path}`);
      return Promise.resolve({ path, settings: raw, transport: () => Promise.resolve(other) });
    },
  };
}
