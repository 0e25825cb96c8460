/** Service files: named sets of connection parameters (`pg_service.conf`). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectionParameterError } from './errors.ts';

/** Where service files are. */
export interface ServiceFilePlaces {
  /** Named by PGSERVICEFILE; then it must be there. */
  readonly named: string | undefined;
  readonly home: string | undefined;
  /** PGSYSCONFDIR. */
  readonly systemDirectory: string;
}

/**
 * The parameters of a service: from the named file or else `~/.pg_service.conf`, and when it isn't there from the
 * system's file.
 *
 * @throws ConnectionParameterError when no file has the service
 */
export function readService(service: string, places: ServiceFilePlaces): ReadonlyMap<string, string> {
  const own = places.named ?? (places.home === undefined ? undefined : join(places.home, '.pg_service.conf'));
  const system = join(places.systemDirectory, 'pg_service.conf');
  if (places.named !== undefined && !existsSync(places.named)) {
    throw new ConnectionParameterError(
      `service file not found: "${places.named}"`,
      'Correct PGSERVICEFILE, or remove PGSERVICE.',
    );
  }
  const files = [own, system].filter((file): file is string => file !== undefined && existsSync(file));
  for (const file of files) {
    const parameters = findService(readFileSync(file, 'utf8'), service, file);
    if (parameters !== undefined) return parameters;
  }
  throw new ConnectionParameterError(
    `service not found: "${service}"`,
    `Correct PGSERVICE, or add a section [${service}] to ${own ?? system}.`,
  );
}

/**
 * Finds a service in the text of a service file.
 *
 * @returns undefined when it has no such section
 * @throws ConnectionParameterError for a line in the section that is no parameter; it names `file`
 */
export function findService(text: string, service: string, file: string): ReadonlyMap<string, string> | undefined {
  let parameters: Map<string, string> | undefined;
  for (const [index, untrimmed] of text.split(/\r?\n/).entries()) {
    const line = untrimmed.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (parameters !== undefined) break;
      if (line === `[${service}]`) parameters = new Map();
    } else if (parameters !== undefined) {
      const equals = line.indexOf('=');
      const keyword = line.slice(0, equals);
      if (equals < 1 || keyword === 'service') {
        throw new ConnectionParameterError(
          `line ${index + 1} of "${file}" is no connection parameter`,
          'Write one keyword=value on each line; a service cannot name another.',
        );
      }
      // libpq keeps the first of several.
      if (!parameters.has(keyword)) parameters.set(keyword, line.slice(equals + 1));
    }
  }
  return parameters;
}
