/**
 * Configuration files: one flat map from the names of settings to scalars, as JSON, YAML, TOML or `NAME=value` lines.
 * See `config.md` 1.1 of the specification.
 */
import { ArchiverError } from '../errors.ts';

/** Extensions that are looked for in the home directory, in this order; the first file that exists is taken. */
export const homeExtensions = [
  ...['json', 'toml', 'yaml', 'yml', 'properties', 'props', 'prop', 'hcl', 'tfvars', 'dotenv', 'env', 'ini'],
] as const;

/**
 * Texts by name in upper case. Numbers and booleans become the text they were written as; maps (failover storages,
 * tags) become JSON text. Empty texts are left out.
 *
 * @param extension without the dot; says which format it is
 * @throws ArchiverError (`config`) when the text is not of that format, or the format is not known
 */
export async function parseConfigFile(content: string, extension: string): Promise<ReadonlyMap<string, string>> {
  let data: unknown;
  try {
    data = await parsed(content.replace(/^\uFEFF/, ''), extension.toLowerCase());
  } catch (cause) {
    if (cause instanceof ArchiverError) throw cause;
    throw new ArchiverError('config', `not valid ${extension.toUpperCase()}${placeOf(cause)}`);
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new ArchiverError('config', 'it holds no map of settings');
  }
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(data)) {
    const text = textOf(value);
    if (text !== '') texts.set(name.toUpperCase(), text);
  }
  return texts;
}

async function parsed(content: string, extension: string): Promise<unknown> {
  switch (extension) {
    case 'json':
      return JSON.parse(content, keepNumbers);
    case 'yaml':
    case 'yml': {
      // A CommonJS package: bundled, it has nothing but a default.
      const { default: yaml } = await import('yaml');
      // All scalars stay texts: no number is rounded and no `no` becomes false. An empty file is an empty map.
      return yaml.parse(content, { schema: 'failsafe', logLevel: 'silent' }) ?? {};
    }
    case 'toml': {
      const { parse } = await import('smol-toml');
      return parse(content, { integersAsBigInt: true });
    }
    case 'env':
    case 'dotenv': {
      const { parseEnv } = await import('node:util');
      return parseEnv(content);
    }
    default:
      throw new ArchiverError('config', `no known format: "${extension === '' ? 'no extension' : `.${extension}`}"`);
  }
}

/** Numbers as they are written, so that large ones keep their digits. */
function keepNumbers(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === 'bigint' ? String(member) : member));
}

/** Line and column of a parser's error. Its message is not passed on: it may quote the file, and with it a password. */
function placeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('line' in error && 'column' in error) return ` at line ${String(error.line)}, column ${String(error.column)}`;
  const message = 'message' in error ? String(error.message) : '';
  const place = /\bline (\d+),? column (\d+)/.exec(message);
  return place === null ? '' : ` at line ${place[1] ?? ''}, column ${place[2] ?? ''}`;
}
