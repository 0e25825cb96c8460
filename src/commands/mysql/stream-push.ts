import { sharing } from '../../catalog/lease/lease.ts';
import { stringifyJson } from '../../catalog/json.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { readSetting } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { pushMysqlStream, type StreamPushOptions } from '../../mysql/backup/push.ts';
import { readServerFacts } from '../../mysql/backup/server-facts.ts';
import { mysqlConnectionSettings } from '../../mysql/settings.ts';
import { isTerminalInput, standardInput } from '../../stream/standard-input.ts';
import { runProducer } from '../../stream/shell-command.ts';
import { defineCommand, type App } from '../command.ts';
import { pushOptions, pushRequestOf, serverAccessOf, showingStream } from './push-request.ts';

/** `stream-push`: whatever comes on standard input, or out of a command, as a backup. */
export const streamPush = defineCommand({
  name: 'stream-push',
  summary: 'Store standard input, or what a command writes, as a backup: of MySQL, MariaDB, or anything else.',
  positionals: [],
  options: {
    exec: {
      type: 'string',
      placeholder: 'COMMAND',
      text: 'Run this by the shell and store its standard output, instead of standard input; if it fails, there is no backup.',
    },
    ...pushOptions,
    'allow-empty': { type: 'boolean', text: 'Store a stream without a single byte.' },
    json: { type: 'boolean', text: 'Print the name and the sizes of the backup.' },
  },
  examples: [
    {
      line: "stream-push --exec 'mariadb-backup --backup --stream=xbstream --target-dir=/tmp'",
      text: 'A backup of the files of a MariaDB server; it exists only if the command succeeds.',
    },
    {
      line: "stream-push --exec 'mariadb-dump --all-databases --single-transaction --master-data=2'",
      text: 'A dump, which notes its position in the binary logs.',
    },
    {
      line: 'stream-push --permanent < dump.sql',
      text: 'A file. Behind a pipe, set -o pipefail tells you when the program before it failed; walvault cannot see that.',
    },
  ],
  exitStatuses: {
    65: 'nothing came, or the stream is cut off: no backup was made',
    69: 'the command of --exec failed, or the server or the storage did not answer',
    73: 'the storage is full',
    77: 'the server or the storage refused',
  },
  async run(app, { options }) {
    const { logger, signal } = app;
    const { exec: command } = options;
    if (command === undefined && isTerminalInput()) {
      throw new ArchiverError('usage', 'standard input is a terminal', {
        hint: 'Pipe the backup into it, or have it run the program that makes the backup, by --exec.',
      });
    }
    const request = await pushRequestOf(app, options);
    const { storage } = request.transport;
    const pushed = await sharing(storage, 'stream-push', request, async () => {
      const server = await serverOf(app);
      const from: { readonly source: ByteSource; readonly what: string } =
        typeof command === 'string'
          ? { source: runProducer(command, { from: '--exec', logger, signal }), what: 'the command' }
          : { source: standardInput(signal), what: 'standard input' };
      return showingStream(app, 'pushing stream', (onBytes) =>
        pushMysqlStream({
          ...request,
          ...from,
          beganBefore: typeof command !== 'string',
          tool: 'unspecified',
          server,
          allowEmpty: options['allow-empty'] === true,
          onBytes,
        }),
      );
    });
    const { name, rawBytes, storedBytes } = pushed;
    logger.info('backup pushed', { backup: name, rawBytes, storedBytes });
    if (options['json'] === true) {
      const json = { backup_name: name, uncompressed_size: rawBytes, compressed_size: storedBytes };
      await app.print(`${stringifyJson(json)}\n`);
    }
    return 0;
  },
});

async function serverOf(app: App): Promise<StreamPushOptions['server']> {
  const { logger, settings } = app;
  if (readSetting(mysqlConnectionSettings.datasource, settings) === undefined) {
    logger.warn('no server is configured: the backup knows of one only what the stream itself tells', {
      setting: mysqlConnectionSettings.datasource.env,
    });
    return undefined;
  }
  const access = serverAccessOf(app);
  await using server = await access();
  return { access, facts: await readServerFacts(server, logger) };
}
