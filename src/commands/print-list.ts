/** Prints lists of backups, whatever database they are of. */
import { timeForPeople, timeToTheSecond, type TimeStyle } from '../catalog/time-text.ts';
import type { Storage } from '../storage/storage.ts';
import { targetStorageOf } from '../storage/target-storage.ts';
import type { App, Arguments, Command } from './command.ts';
import { alignedTable, boxTable } from './table.ts';

/** Options of all such lists. */
export const listOptions: Command['options'] = {
  detail: { type: 'boolean', text: 'Also show times, host, where the log of changes starts, permanence and the like.' },
  json: { type: 'boolean', text: 'Print JSON.' },
  pretty: { type: 'boolean', text: 'Print a boxed table, or indented JSON.' },
  'target-storage': {
    type: 'string',
    placeholder: 'NAME',
    text: 'The storage to list; default: all that are alive.',
  },
};

/** The storage that the options name, else all that are alive, which the log names. */
export async function openListedStorage(app: App, options: Arguments['options']): Promise<Storage> {
  const storage = await app.storage({ target: targetStorageOf(app.settings, options['target-storage']) });
  const alive = storage.members?.filter(({ isAlive }) => isAlive).map(({ name }) => name);
  if (alive !== undefined) app.logger.info(`List backups from storages: [${alive.join(', ')}]`);
  return storage;
}

/** A column: its name in the plain table, its title in the boxed one, and its cells. */
export interface PrintedColumn<R> {
  readonly name: string;
  readonly title: string;
  readonly cell: (record: R, timeStyle: TimeStyle) => string;
}

/** A list, ready to be printed. */
export interface PrintedList<R> {
  readonly records: readonly R[];
  readonly columns: readonly PrintedColumn<R>[];
  /** The list as JSON, without a line end. */
  readonly json: (indent: number | undefined) => string;
}

/** Prints a list as the options say. */
export async function printRecords<R>(
  app: App,
  options: Arguments['options'],
  { records, columns, json }: PrintedList<R>,
): Promise<void> {
  const pretty = options['pretty'] === true;
  if (options['json'] === true) {
    await app.print(`${json(pretty ? 4 : undefined)}\n`);
  } else if (records.length === 0) {
    app.logger.info('No backups found');
  } else {
    const timeStyle = pretty ? timeForPeople : timeToTheSecond;
    const rows = records.map((record) => columns.map(({ cell }) => cell(record, timeStyle)));
    const titles = columns.map(({ name, title }) => (pretty ? title : name));
    await app.print(pretty ? boxTable(titles, rows) : alignedTable(titles, rows));
  }
}

/** Warns of a backup of which the list shows less. */
export function warnOfProblem(app: App, backup: string, reason: string, shown: 'listing' | 'sentinel'): void {
  app.logger.warn('backup has no usable metadata', { backup, reason, shown: `what the ${shown} tells` });
}
