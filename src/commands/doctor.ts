import { failureOf, type Check } from '../doctor/check.ts';
import { examine } from '../doctor/doctor.ts';
import { ArchiverError } from '../errors.ts';
import { defineCommand, type App, type Arguments } from './command.ts';
import { databaseOf, databaseOfSettings, type Database } from './database.ts';
import { checkText, doctorJson, summaryText } from './doctor-output.ts';

/** `doctor`: whether what is configured works, in plain words. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Try out what is configured: settings, keys, storage, server, archiving.',
  positionals: [],
  options: {
    'no-write': { type: 'boolean', text: 'Write nothing to the storage; less can be told then.' },
    'storage-only': { type: 'boolean', text: 'Settings, keys and storage only.' },
    'database-only': { type: 'boolean', text: 'Settings, server and its archiving only.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'doctor', text: 'Everything; some objects are written to the storage and removed again.' },
    { line: 'doctor --no-write --json', text: 'For a monitor that may only read.' },
    { line: 'doctor --storage-only', text: 'On a machine without a server.' },
  ],
  exitStatuses: {
    65: 'the storage gives back other bytes than were written',
    66: 'what must be there is missing',
    69: 'storage or server unavailable, or archiving fails',
    73: 'the storage or standard output cannot be written',
    77: 'storage or server refuse something that backups need',
    78: 'a check failed because of how something is configured',
  },
  async run(app, args) {
    const { options } = args;
    const only = onlyOf(options);
    const asJson = options['json'] === true;
    const checks: Check[] = [];
    let previous: Check | undefined;
    for await (const check of examine({
      configuration: { settings: app.settings, ...app.configuration },
      openStorage: () => app.storage(),
      programPath: app.program.path,
      database: await databaseOrDefault(app, args, only),
      only,
      turbo: options['turbo'] === true,
      write: options['no-write'] !== true,
      logger: app.logger,
      clock: app.clock,
      signal: app.signal,
    })) {
      checks.push(check);
      if (!asJson) await app.print(checkText(check, previous));
      previous = check;
    }
    await app.print(asJson ? `${doctorJson(checks)}\n` : summaryText(checks));
    const failure = failureOf(checks);
    if (failure !== undefined) throw failure;
    return undefined;
  },
});

/** What cannot be told from a storage that does not answer is of no matter before that is put right. */
async function databaseOrDefault(
  app: App,
  args: Arguments,
  only: 'storage' | 'database' | undefined,
): Promise<Database> {
  const told = databaseOfSettings(app.settings);
  if (args.options['database'] === undefined && (told !== undefined || only === 'storage')) return told ?? 'postgres';
  try {
    return await databaseOf(app, args);
  } catch (error) {
    app.signal.throwIfAborted();
    if (error instanceof ArchiverError && error.kind === 'usage') throw error;
    return 'postgres';
  }
}

function onlyOf(options: Readonly<Record<string, unknown>>): 'storage' | 'database' | undefined {
  const storage = options['storage-only'] === true;
  const database = options['database-only'] === true;
  if (storage && database) {
    throw new ArchiverError('usage', '--storage-only and --database-only exclude each other', {
      hint: 'Leave both out for everything.',
    });
  }
  if (storage) return 'storage';
  return database ? 'database' : undefined;
}
