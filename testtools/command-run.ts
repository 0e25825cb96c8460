/** Runs one command as `main.ts` would, on storages made by tests. */
import { parsePlainly } from '../src/cli/arguments.ts';
import type { App, Command } from '../src/commands/command.ts';
import { rawSettings } from '../src/config/setting.ts';
import type { Transport } from '../src/pipeline/transport.ts';
import type { Clock } from '../src/platform/clock.ts';
import type { Storage } from '../src/storage/storage.ts';
import { fakeClock } from './fake-clock.ts';
import { recordingLogger, type LogRecord } from './recording-logger.ts';

/** What the command finds. */
export interface CommandScene {
  readonly transport: Transport;
  readonly settings?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** What came of it. */
export interface CommandOutcome {
  /** 0 when the command said nothing. */
  readonly status: number;
  readonly stdout: string;
  readonly log: readonly LogRecord[];
  /** `--target-storage` as it was handed on. */
  readonly target: string | undefined;
}

/**
 * Runs it to its end.
 *
 * @param words as on the command line, after the name
 * @throws what the command throws; TypeError when the words are not understood
 */
export async function runCommand(
  command: Command,
  words: readonly string[],
  { transport, settings = {}, clock = fakeClock(new Date('2026-11-22T00:00:00Z')) }: CommandScene,
): Promise<CommandOutcome> {
  const args = parsePlainly(command, words);
  if (args === undefined) throw new TypeError(`not understood: ${words.join(' ')}`);
  let stdout = '';
  let target: string | undefined;
  const logger = recordingLogger();
  const chosen = (choice: { readonly target?: string | undefined } = {}): void => {
    target = choice.target;
  };
  const app: App = {
    settings: rawSettings(settings),
    configuration: { path: undefined, warnings: [] },
    logger,
    clock,
    signal: new AbortController().signal,
    print: (text) => {
      stdout += text;
      return Promise.resolve();
    },
    interactive: false,
    program: { version: '0', path: '', leadingArguments: [], workerEntry: new URL('file:///'), name: 'walvault' },
    storage: (choice): Promise<Storage> => {
      chosen(choice);
      return Promise.resolve(transport.storage);
    },
    transport: (_purpose, choice) => {
      chosen(choice);
      return Promise.resolve(transport);
    },
    printBytes: () => Promise.reject(new TypeError('only text is expected')),
    otherArchive: () => Promise.reject(new TypeError('there is no other archive')),
  };
  const status = (await command.run(app, args)) ?? 0;
  return { status, stdout, log: logger.records, target };
}
