/** User data of a backup as an option: a JSON value. */
import { parseJson, type JsonValue } from '../../catalog/json.ts';
import { ArchiverError } from '../../errors.ts';

/** Reads the value of an option such as `--add-user-data`. @throws ArchiverError (kind `usage`) when it is not JSON */
export function parseUserData(given: string, option: string): JsonValue {
  try {
    return parseJson(given, option);
  } catch (cause) {
    throw new ArchiverError('usage', `${option} is not JSON: ${JSON.stringify(given)}`, {
      cause,
      hint: `Give a JSON value; a text needs its quotes: ${option} '"nightly"'.`,
    });
  }
}
