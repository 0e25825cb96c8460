/** Streams on standard output: never to a terminal, and told when they end before they should. */
import { isatty } from 'node:tty';
import { ArchiverError, codeOf } from '../../errors.ts';
import type { App } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import type { StoredStream } from './stored-stream.ts';

const descriptor = 1;

/** @throws ArchiverError (`usage`) when standard output is a terminal */
export function refuseTerminal(): void {
  if (!isatty(descriptor)) return;
  throw new ArchiverError('usage', 'standard output is a terminal', {
    hint: 'Pipe it into the program that restores the backup, or into a file.',
  });
}

/**
 * Writes a whole stream; returns its length. When it rejects, what was written is a part.
 *
 * @throws ArchiverError (`cannotWrite`) when whoever reads it has gone; as `openStream`
 */
export async function writeToOutput(app: App, stream: StoredStream, signal: AbortSignal): Promise<number> {
  const progress = showTransfer(app, 'fetching stream', stream.totalBytes);
  let doneBytes = 0;
  try {
    for await (const chunk of await stream.open(signal)) {
      signal.throwIfAborted();
      await app.printBytes(chunk);
      doneBytes += chunk.length;
      progress.update(doneBytes);
    }
    return doneBytes;
  } catch (error) {
    if (!(error instanceof ArchiverError) || codeOf(error.cause) !== 'EPIPE') throw error;
    // Elsewhere that is nothing to talk of; here whoever restores must know.
    throw new ArchiverError('cannotWrite', `standard output was closed after ${doneBytes} bytes of the backup`, {
      cause: error,
      hint: 'The program that read it has ended too early: see what it says.',
    });
  } finally {
    progress.finish();
  }
}
