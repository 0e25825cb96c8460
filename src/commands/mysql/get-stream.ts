import { resolve } from 'node:path';
import { writeLocalFile } from '../../catalog/storage-tools/local-file.ts';
import { defineCommand } from '../command.ts';
import { storedStreamOf, storedStreamOptions, storedStreamStatuses } from './stored-stream.ts';
import { refuseTerminal, writeToOutput } from './stream-output.ts';

/** `get-stream`: the bytes of a backup on standard output or in a file, and nothing else. */
export const getStream = defineCommand({
  name: 'get-stream',
  summary: 'Write a backup, as it was pushed, to a file or to standard output; never its binary logs.',
  positionals: [
    { name: 'backup_name', text: 'A name from backup-list, or LATEST.', required: true },
    { name: 'file', text: 'Where to; default: standard output. What is there is replaced.', required: false },
  ],
  options: {
    target: { type: 'string', placeholder: 'NAME', text: 'The same as --target-storage, as in WAL-G.' },
    ...storedStreamOptions,
  },
  examples: [
    { line: 'get-stream LATEST backup.xb', text: 'The newest backup as a file, whole or not at all.' },
    { line: 'get-stream stream_20240102T030405Z | sha256sum', text: 'On standard output.' },
  ],
  exitStatuses: { ...storedStreamStatuses, 73: 'the file cannot be written, or standard output was closed' },
  async run(app, { positionals: [name = '', file], options }) {
    if (file === undefined) refuseTerminal();
    const target = options['target-storage'] ?? options['target'];
    const stream = await storedStreamOf(app, name, { target, options });
    const { logger, signal } = app;
    if (file === undefined) {
      await writeToOutput(app, stream, signal);
      return 0;
    }
    const path = resolve(file);
    const bytes = await writeLocalFile(path, await stream.open(signal), { replace: true, signal });
    logger.info('backup written to a file', { backup: stream.name, file: path, bytes });
    return 0;
  },
});
