/**
 * The settings of another configuration file than that of the run, for commands that work with two archives at once. What
 * belongs to archives (`WALG_…`, `WALE_…`) comes from the file alone; what belongs to the machine (`AWS_REGION`, `HOME` …)
 * from the run where the file does not say it, as in WAL-G.
 */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { ArchiverError, codeOf, messageOf } from '../errors.ts';
import { nearest } from './distance.ts';
import { parseConfigFile } from './file.ts';
import type { LoadedSettings } from './load.ts';
import type { RawSettings } from './setting.ts';

/** What reading such a file needs. */
export interface OtherFileOptions {
  /** Of the run. */
  readonly settings: RawSettings;
  /** Every name that means something. */
  readonly knownNames: ReadonlySet<string>;
}

/** Reads it; unknown names are warnings. @throws ArchiverError (`config`) when it cannot be read or parsed */
export async function loadOtherFile(
  path: string,
  { settings, knownNames }: OtherFileOptions,
): Promise<LoadedSettings & { readonly configPath: string }> {
  const file = await read(path);
  const warnings = [...file.keys()]
    .filter((name) => !knownNames.has(name))
    .map((name) => ({ message: 'unknown setting', fields: { name, file: path, nearest: nearest(name, knownNames) } }));
  return { settings: withFile(file, settings), configPath: path, warnings };
}

async function read(path: string): Promise<ReadonlyMap<string, string>> {
  try {
    return await parseConfigFile(readFileSync(path, 'utf8'), extname(path).slice(1));
  } catch (error) {
    // What a parser says may quote the file, and with it a password.
    const reason = error instanceof ArchiverError || codeOf(error) !== undefined ? messageOf(error) : 'not readable';
    throw new ArchiverError('config', `configuration file not usable: ${JSON.stringify(path)} (${reason})`, {
      hint: 'Give a file with the settings of the archive in the form that --config takes, such as JSON or YAML.',
    });
  }
}

function withFile(file: ReadonlyMap<string, string>, run: RawSettings): RawSettings {
  const isOfMachine = (name: string): boolean => !/^WAL[GE]_/.test(name);
  return {
    get(name) {
      const text = file.get(name);
      if (text !== undefined) return { text, origin: 'file' };
      return isOfMachine(name) ? run.get(name) : undefined;
    },
    toEnvironment() {
      const machine = Object.entries(run.toEnvironment()).filter(([name]) => isOfMachine(name));
      return { ...Object.fromEntries(machine), ...Object.fromEntries(file) };
    },
  };
}
