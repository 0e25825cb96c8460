/** What is wrong with GTIDs. */
import { ArchiverError } from '../../../errors.ts';

/** For what is no set. */
export function notGtids(text: string): ArchiverError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return new ArchiverError('usage', `not a set of GTIDs: ${JSON.stringify(shown)}`, {
    hint: 'Of MySQL it reads 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5, of MariaDB 0-1-7; separate several with commas.',
  });
}

/** For two sets that cannot be compared. */
export function flavorsDiffer(): ArchiverError {
  return new ArchiverError('usage', 'GTIDs of MySQL and of MariaDB cannot be compared', {
    hint: 'Give GTIDs of the flavour that the binary logs are of.',
  });
}
