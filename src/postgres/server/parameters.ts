/** Puts the parameters of a connection together: connection string over service file over PG variables over defaults. */
import { userInfo } from 'node:os';
import { readSettings } from '../../config/setting.ts';
import type { RawSettings } from '../../config/setting.ts';
import { isConnectionText, parseConnectionText } from './connection-text.ts';
import { ConnectionParameterError } from './errors.ts';
import { readService } from './service-file.ts';
import { connectionSettings, serverSettings } from './settings.ts';

/** libpq's name of a parameter. */
export type Keyword = keyof typeof connectionSettings;

/** The parameters of a connection, checked where they are taken. */
export interface Parameters {
  /** The text of a parameter, or its default; empty texts count as unset. */
  get(keyword: Keyword): string | undefined;
  /** What set the parameter, for messages: `PGHOST`, `host in DATABASE_URL`; undefined for a default. */
  originOf(keyword: Keyword): string | undefined;
  /** The text as one of some words. @throws ConnectionParameterError */
  word<const W extends string>(keyword: Keyword, words: readonly W[]): W | undefined;
  /** The text as a whole number. @throws ConnectionParameterError */
  integer(keyword: Keyword, range: { readonly min: number; readonly max: number }): number | undefined;
  /** DATABASE_URL is set, and not used. */
  readonly ignoredUrl: 'other database' | 'other variables' | undefined;
}

interface Given {
  readonly text: string;
  readonly origin: string | undefined;
}

const keywords: ReadonlySet<string> = new Set(Object.keys(connectionSettings));

/** @throws ConnectionParameterError when a connection string or a service cannot be read */
export function readParameters(raw: RawSettings, home: string | undefined): Parameters {
  const { databaseUrl, systemConfigurationDirectory } = readSettings(serverSettings, raw);
  const variables = readSettings(connectionSettings, raw);
  const found = new Map<string, Given>();
  for (const [keyword, text] of Object.entries(variables)) {
    const { env } = connectionSettings[keyword as Keyword];
    if (text !== undefined) found.set(keyword, { text, origin: raw.get(env) === undefined ? undefined : env });
  }

  const ignoredUrl = whyIgnored(databaseUrl, variables);
  const url =
    databaseUrl === undefined || ignoredUrl !== undefined
      ? new Map<string, string>()
      : parseConnectionText(databaseUrl, keywords);
  const service = url.get('service') ?? variables.service;
  if (service !== undefined) {
    const named = url.get('servicefile') ?? variables.servicefile;
    const places = { named, home, systemDirectory: systemConfigurationDirectory };
    for (const [keyword, text] of readService(service, places)) {
      found.set(keyword, { text, origin: `${keyword} in the service "${service}"` });
    }
  }
  for (const [keyword, text] of url) found.set(keyword, { text, origin: `${keyword} in DATABASE_URL` });
  return new GivenParameters(found, ignoredUrl);
}

/** The name of the operating system's user. @throws ConnectionParameterError when it has none */
export function systemUser(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new ConnectionParameterError('no user to connect as', 'Set PGUSER: this process has no user name.', cause);
  }
}

function whyIgnored(
  databaseUrl: string | undefined,
  variables: { readonly host?: unknown; readonly hostaddr?: unknown; readonly service?: unknown },
): Parameters['ignoredUrl'] {
  if (databaseUrl === undefined) return undefined;
  if (!isConnectionText(databaseUrl)) return 'other database';
  const isPlaced = [variables.host, variables.hostaddr, variables.service].some((one) => one !== undefined);
  return isPlaced ? 'other variables' : undefined;
}

class GivenParameters implements Parameters {
  readonly #found: ReadonlyMap<string, Given>;
  readonly ignoredUrl: Parameters['ignoredUrl'];

  constructor(found: ReadonlyMap<string, Given>, ignoredUrl: Parameters['ignoredUrl']) {
    this.#found = found;
    this.ignoredUrl = ignoredUrl;
  }

  get(keyword: Keyword): string | undefined {
    const text = this.#found.get(keyword)?.text;
    return text === '' ? undefined : text;
  }

  originOf(keyword: Keyword): string | undefined {
    return this.#found.get(keyword)?.origin;
  }

  word<const W extends string>(keyword: Keyword, words: readonly W[]): W | undefined {
    const text = this.get(keyword);
    const word = words.find((one) => one === text);
    if (text !== undefined && word === undefined) throw this.#invalid(keyword, words.join(', '));
    return word;
  }

  integer(keyword: Keyword, range: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.get(keyword)?.trim();
    if (text === undefined) return undefined;
    const number = /^[+-]?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= range.min && number <= range.max) return number;
    throw this.#invalid(keyword, `a whole number from ${range.min} to ${range.max}`);
  }

  #invalid(keyword: Keyword, allowed: string): ConnectionParameterError {
    const name = this.originOf(keyword) ?? connectionSettings[keyword].env;
    const shown = connectionSettings[keyword].secret ? '***' : JSON.stringify(this.get(keyword));
    return new ConnectionParameterError(
      `invalid value of ${name}: ${shown}; allowed: ${allowed}`,
      `Correct ${name}, or remove it to use the default.`,
    );
  }
}
