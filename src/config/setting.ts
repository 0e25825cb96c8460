/**
 * Settings: every `WALG_*` variable is declared once, beside its owner, as a value of type {@link Setting}; groups of
 * them are read once and passed down typed. Where the raw text comes from (flag, environment, file) is `load.ts`.
 */
import { ArchiverError } from '../errors.ts';
import { shownText } from './shown.ts';

/** How the text of a setting becomes a value. */
export interface Parser<T> {
  /** For documentation: `integer`, `boolean`, `path`, `duration` … */
  readonly type: string;
  /** For documentation and errors: what is allowed, such as `a whole number from 1`. */
  readonly allowed: string;
  /** @throws Error (any) when the text is not allowed; its message is not shown */
  parse(text: string): T;
}

/** One variable. */
export interface Setting<T> {
  /** Upper-case name: `WALG_UPLOAD_CONCURRENCY`; its flag is `--walg-upload-concurrency`. */
  readonly env: string;
  /** Other names, looked up after it in this order (`WALE_…`). */
  readonly aliases: readonly string[];
  readonly parser: Parser<T>;
  /** Text of the default for documentation; undefined = unset. */
  readonly defaultText: string | undefined;
  /** One or two sentences for `docs/settings.md` and `walvault flags`. */
  readonly text: string;
  /** `bytes`, `bytes/s`, `MiB` … */
  readonly unit: string | undefined;
  /** Its value is printed as `***`. */
  readonly secret: boolean;
  /** Only commands that use it mind what it says. */
  readonly whenUsed: boolean;
}

/** Where a value was found. */
export type SettingOrigin = 'flag' | 'environment' | 'file';

/** Texts of the settings of this run, by their names. Empty texts count as unset and never appear here. */
export interface RawSettings {
  get(name: string): { readonly text: string; readonly origin: SettingOrigin } | undefined;
  /** Everything that is set, as environment variables: for worker threads and child processes. */
  toEnvironment(): Readonly<Record<string, string>>;
}

/** Typed values of a group of settings. */
export type Settings<G extends SettingGroup> = { readonly [K in keyof G]: G[K] extends Setting<infer T> ? T : never };

/** Settings declared together by their owner. */
export type SettingGroup = Readonly<Record<string, Setting<unknown>>>;

/** Details of a declaration. */
export interface SettingDetails {
  readonly aliases?: readonly string[];
  readonly unit?: string;
  readonly secret?: boolean;
  readonly whenUsed?: boolean;
}

/** Declares a setting with a default, given as the text a user would write. */
export function setting<T>(
  env: string,
  parser: Parser<T>,
  defaultText: string,
  text: string,
  details?: SettingDetails,
): Setting<T> {
  return make(env, parser, defaultText, text, details);
}

/** Declares a setting that may be unset; then its value is undefined. */
export function optionalSetting<T>(
  env: string,
  parser: Parser<T>,
  text: string,
  details?: SettingDetails,
): Setting<T | undefined> {
  return make<T | undefined>(env, parser, undefined, text, details);
}

function make<T>(
  env: string,
  parser: Parser<T>,
  defaultText: string | undefined,
  text: string,
  details: SettingDetails = {},
): Setting<T> {
  const { aliases = [], unit, secret = false, whenUsed = false } = details;
  return { env, aliases, parser, defaultText, text, unit, secret, whenUsed };
}

/** A setting whose text is not allowed. */
export class SettingError extends ArchiverError {
  constructor(setting: Setting<unknown>, name: string, text: string, cause?: unknown) {
    const shown = setting.secret ? '***' : JSON.stringify(shownText(text));
    super('config', `invalid value of ${name}: ${shown}; allowed: ${setting.parser.allowed}`, {
      cause,
      hint: `Correct ${name}, or remove it${setting.defaultText === undefined ? '' : ` to use the default ${setting.defaultText}`}.`,
    });
  }
}

/** Reads one setting: its own name, then its aliases, then the default. @throws SettingError */
export function readSetting<T>(setting: Setting<T>, raw: RawSettings): T {
  for (const name of [setting.env, ...setting.aliases]) {
    const found = raw.get(name);
    if (found === undefined) continue;
    try {
      return setting.parser.parse(found.text);
    } catch (cause) {
      throw new SettingError(setting, name, found.text, cause);
    }
  }
  return setting.defaultText === undefined ? (undefined as T) : setting.parser.parse(setting.defaultText);
}

/** Reads all settings of a group. @throws SettingError for the first that is not allowed */
export function readSettings<G extends SettingGroup>(group: G, raw: RawSettings): Settings<G> {
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(group)) values[name] = readSetting(one, raw);
  return values as Settings<G>;
}

/**
 * Reads all of our own settings that are set, so that a mistake is told by the first run and not by the one that needs it.
 * What belongs to others (`PG…`, `AWS_…`), and what only some commands mind, is left to whoever uses it.
 *
 * @throws SettingError for the first that is not allowed
 */
export function checkSettings(settings: Iterable<Setting<unknown>>, raw: RawSettings): void {
  for (const one of settings) {
    if (one.env.startsWith('WALG_') && !one.whenUsed) readSetting(one, raw);
  }
}

/** Settings given as a plain object, such as the environment of a test. */
export function rawSettings(
  values: Readonly<Record<string, string | undefined>>,
  origin: SettingOrigin = 'environment',
): RawSettings {
  return {
    get(name) {
      const text = values[name];
      return text === undefined || text === '' ? undefined : { text, origin };
    },
    toEnvironment() {
      return Object.fromEntries(
        Object.entries(values).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
      );
    },
  };
}
