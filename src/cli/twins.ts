/** Which of two commands of one name, for different databases, a command line means. */
import { databaseOfReadings, databaseOfSettings, type Database } from '../commands/database.ts';
import type { Arguments } from '../commands/command.ts';
import type { CommandEntry } from '../commands/index.ts';
import type { RawSettings } from '../config/setting.ts';
import { parsePlainly } from './arguments.ts';

/** Reads the settings of the run. */
type ReadSettings = (() => Promise<RawSettings>) | undefined;

/** Chooses by the settings, and by whose command understands the arguments. @throws ArchiverError (`config`) when the settings cannot be read */
export async function chooseTwin(
  twins: readonly CommandEntry[],
  args: readonly string[],
  readSettings: ReadSettings,
): Promise<Database> {
  const reading = async (database: Database): Promise<Arguments | undefined> => {
    const entry = twins.find((one) => one.database === database);
    return entry === undefined ? undefined : parsePlainly(await entry.load(), args);
  };
  const readings = { postgres: await reading('postgres'), mysql: await reading('mysql') };
  return databaseOfReadings(twins[0]?.name ?? '', readings, await readSettings?.());
}

/** The database that a help text without a word for it is to be about. What is wrong with the settings is not told there. */
export async function databaseForHelp(readSettings: ReadSettings): Promise<Database> {
  const settings = await readSettings?.().catch(() => undefined);
  return (settings === undefined ? undefined : databaseOfSettings(settings)) ?? 'postgres';
}
