/** The setting `S3_REQUEST_ADDITIONAL_HEADERS`: rare, and in need of a parser, so that it is loaded only when set. */
import { ArchiverError } from '../../errors.ts';

/**
 * Headers by lower-case names, from a map of texts or a list of such maps, as YAML or JSON.
 *
 * @throws ArchiverError (`config`), which doesn't quote the text: it may hold a token
 */
export async function headersFrom(text: string): Promise<Readonly<Record<string, string>>> {
  // A CommonJS package: bundled, it has nothing but a default.
  const { default: yaml } = await import('yaml');
  let data: unknown;
  try {
    data = yaml.parse(text, { schema: 'failsafe', logLevel: 'silent' });
  } catch {
    throw invalid();
  }
  const maps: readonly unknown[] = Array.isArray(data) ? data : [data];
  const headers: Record<string, string> = {};
  for (const map of maps) {
    if (typeof map !== 'object' || map === null || Array.isArray(map)) throw invalid();
    for (const [name, value] of Object.entries(map)) {
      if (typeof value !== 'string' || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[\r\n\0]/.test(value)) {
        throw invalid();
      }
      headers[name.toLowerCase()] = value;
    }
  }
  return headers;
}

function invalid(): ArchiverError {
  return new ArchiverError('config', 'invalid value of S3_REQUEST_ADDITIONAL_HEADERS', {
    hint: 'Give a map of header names to texts, such as {"X-Project": "backups"}.',
  });
}
