/**
 * What is written about a backup, for a copy whose parts are encoded anew: they have other names and sizes there. All that
 * is not about those stays as it is, also what this version does not know.
 */
import type { ByteSource } from '../../bytes/stage.ts';
import { jsonEntriesOf } from '../../catalog/json-entries.ts';
import { isJsonObject, parseJson, stringifyJson, type JsonObject, type JsonValue } from '../../catalog/json.ts';
import { CorruptError } from '../../errors.ts';

/** What is new about the parts. */
export interface RewrittenParts {
  /** Of all parts together. */
  readonly compressedBytes: number;
  /** The name of a tar object in the copy. */
  readonly nameOf: (name: string) => string;
}

/** The sentinel of the copy. @throws CorruptError */
export function rewriteSentinel(text: string, { compressedBytes, nameOf }: RewrittenParts): string {
  const sentinel = objectOf(text, 'sentinel');
  const rewritten: Record<string, JsonValue | undefined> = { ...sentinel };
  if (rewritten['CompressedSize'] !== undefined) rewritten['CompressedSize'] = compressedBytes;
  // Sentinels of releases before 2.0 hold what files_metadata.json holds now.
  const sets = rewritten['TarFileSets'];
  if (isJsonObject(sets)) {
    rewritten['TarFileSets'] = Object.fromEntries(
      Object.entries(sets).map(([name, members]) => [nameOf(name), members]),
    );
  }
  return stringifyJson(rewritten, { htmlSafe: true });
}

/** `metadata.json` of the copy. @throws CorruptError */
export function rewriteMetadata(text: string, { compressedBytes }: Pick<RewrittenParts, 'compressedBytes'>): string {
  const metadata = objectOf(text, 'metadata');
  const rewritten: Record<string, JsonValue | undefined> = { ...metadata };
  if (rewritten['compressed_size'] !== undefined) rewritten['compressed_size'] = compressedBytes;
  return stringifyJson(rewritten, { htmlSafe: true });
}

function objectOf(text: string, what: string): JsonObject {
  const value = parseJson(text, what);
  if (!isJsonObject(value)) throw new CorruptError(`${what} is not a JSON object`);
  return value;
}

const chunkCharacters = 256 * 1024;

/** `files_metadata.json` of the copy, as it arrives: it may be bigger than memory. @throws CorruptError */
export async function* rewriteFilesMetadata(
  source: ByteSource,
  { nameOf }: Pick<RewrittenParts, 'nameOf'>,
): ByteSource {
  let text = '';
  let section: string | undefined;
  for await (const entries of jsonEntriesOf(source, 'files metadata')) {
    for (const entry of entries) {
      if (entry.section !== section) {
        text += `${section === undefined ? '{' : '},'}${JSON.stringify(entry.section)}:{`;
        section = entry.section;
      } else text += ',';
      const name = section === 'TarFileSets' ? nameOf(entry.name) : entry.name;
      text += `${JSON.stringify(name)}:${entry.text.trim()}`;
    }
    if (text.length < chunkCharacters) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(`${text}${section === undefined ? '{}' : '}}'}`);
}
