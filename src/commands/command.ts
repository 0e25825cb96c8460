/**
 * What a command is: a declaration (usage, options, help) and one function. A command parses nothing and decides
 * nothing; it reads its settings, calls one function of a lower layer and prints.
 */
import type { Logger } from '../platform/logger.ts';
import type { Clock } from '../platform/clock.ts';
import type { LoadedSettings } from '../config/load.ts';
import type { RawSettings } from '../config/setting.ts';
import type { StorageChoice, Transport, TransportPurpose } from '../pipeline/transport.ts';
import type { Storage } from '../storage/storage.ts';

/** The running program, as commands see it. */
export interface App {
  readonly settings: RawSettings;
  /** Where the settings came from, and what was odd about them; they were told to the log already. */
  readonly configuration: SettingsOrigin;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Writes data (lists, JSON, streams) to stdout; waits for a slow reader. */
  print(text: string): Promise<void>;
  /** The same for bytes; they may be changed afterwards. */
  printBytes(bytes: Uint8Array): Promise<void>;
  /** A terminal is watching stderr: progress may be drawn there. */
  readonly interactive: boolean;
  readonly program: ProgramInfo;
  /** The storage of the settings, for commands that read no payload; opened on the first call, closed by `main.ts`. */
  storage(choice?: Pick<StorageChoice, 'target'>): Promise<Storage>;
  /** Storage, codec and crypter of the settings; opened on the first call for each purpose and choice, closed by `main.ts`. */
  transport(purpose: TransportPurpose, choice?: StorageChoice): Promise<Transport>;
  /**
   * The archive of another configuration file; closed by `main.ts`.
   *
   * @throws ArchiverError (`config`) when the file cannot be read or is wrong
   */
  otherArchive(configPath: string): Promise<OtherArchive>;
}

/** An archive that another configuration file describes. */
export interface OtherArchive {
  /** Of the file. */
  readonly path: string;
  readonly settings: RawSettings;
  /** As {@link App.transport}. */
  transport(purpose: TransportPurpose, choice?: StorageChoice): Promise<Transport>;
}

/** Where the settings came from. */
export interface SettingsOrigin {
  /** The configuration file that was read, if any. */
  readonly path: string | undefined;
  readonly warnings: LoadedSettings['warnings'];
}

/** How this program was started. */
export interface ProgramInfo {
  readonly version: string;
  /** Absolute path of the command, for `restore_command` and detached children. */
  readonly path: string;
  /** Arguments that the path needs before a command's own (a `node` and its script when not started by the launcher). */
  readonly leadingArguments: readonly string[];
  /** The entry module of worker threads. */
  readonly workerEntry: URL;
  /** The name the user typed: `walvault` or `wal-g`. */
  readonly name: string;
}

/** The value of an option as it arrives in `run`. */
export type OptionType = 'string' | 'boolean';

/** One `--option` of a command. Numbers are strings here and parsed by the command with a `Parser`. */
export interface OptionSpec {
  readonly type: OptionType;
  /** One letter. */
  readonly short?: string;
  readonly text: string;
  /** For help: `NAME`, `FILE`, `JSON` … */
  readonly placeholder?: string;
}

/** A positional argument; optional ones come last. */
export interface PositionalSpec {
  readonly name: string;
  readonly text: string;
  readonly required: boolean;
  /** The last one may be: any number of words, at least one if required. */
  readonly repeated?: true;
}

/** An example for `--help`: the command line and what it does. */
export interface Example {
  readonly line: string;
  readonly text: string;
}

/** What `run` receives. */
export interface Arguments {
  /** Values of the positionals given, in order. */
  readonly positionals: readonly string[];
  /**
   * Options given on the command line, by their long names without dashes. Besides the command's own: `turbo` (true: no
   * limits) and `config` (absolute path of the configuration file), when they were given.
   */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** A verb of the program. */
export interface Command {
  /** `backup-push`; for a nested one the words separated by a space: `pg backup-push`. */
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** At least one. */
  readonly examples: readonly Example[];
  /** What its exit statuses mean: all that can happen but 0, 1, 64 and 78, and those where there is more to say of them. */
  readonly exitStatuses?: Readonly<Record<number, string>>;
  /** Not shown in the list of commands. */
  readonly hidden?: boolean;
  /**
   * The exit status after a failure, when it is another than that of the error's kind. Also asked for what fails outside
   * of `run`: an invalid setting, an error that nobody caught.
   */
  statusAfter?(error: unknown, args: Arguments): number | undefined;
  /** Resolves to the exit status, 0 when undefined. Failures are thrown. */
  run(app: App, args: Arguments): Promise<number | undefined>;
}

/** Names a command's type, for inference; returns it as it is. */
export function defineCommand(command: Command): Command {
  return command;
}
