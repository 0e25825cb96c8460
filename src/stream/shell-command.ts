/**
 * Commands of the settings, run by the shell as WAL-G does (`$SHELL -c`, else `/bin/sh -c`), each in a process group of its
 * own, so that a whole pipeline can be ended: whatever becomes of us, none of it goes on.
 */
import type { ByteSource } from '../bytes/stage.ts';
import { startCommand, type ShellOptions } from './running-command.ts';

const paddingBytes = 512;

/** Options of a command whose output is not the point. */
export interface ConsumerOptions extends ShellOptions {
  /** Its standard output: thrown away (default), or to our standard error. */
  readonly stdout?: 'ignore' | 'stderr';
}

/**
 * The standard output of a command. It runs from the first chunk asked for; the bytes end only when it has ended with status
 * 0, so that what is stored of the output of a command that failed is never completed. Stopping early ends the command.
 *
 * @throws CommandFailedError; the reason of the signal
 */
export async function* runProducer(command: string, options: ShellOptions): ByteSource {
  options.signal.throwIfAborted();
  const child = startCommand(command, options, { stdin: 'ignore', stdout: 'pipe' });
  try {
    yield* child.output();
    await child.succeeded();
  } finally {
    await child.end();
  }
}

/**
 * Feeds a command's standard input, and waits until it has ended. When the source fails, the command is ended before its
 * input is: it never takes a part for the whole.
 *
 * @throws CommandFailedError, also when it ended well without having read everything; what the source throws; the reason of
 *   the signal
 */
export async function runConsumer(command: string, source: ByteSource, options: ConsumerOptions): Promise<void> {
  options.signal.throwIfAborted();
  const child = startCommand(command, options, { stdin: 'pipe', stdout: stdoutOf(options) });
  try {
    let isFed = true;
    let isPadded = false;
    let isCut = false;
    for await (const chunk of source) {
      options.signal.throwIfAborted();
      isFed &&= await child.write(chunk);
      if (isFed) isPadded = endsInZeros(chunk);
      // What is left when nobody reads any more may be padding, too.
      else isCut = !isPadded || chunk.some((byte) => byte !== 0);
      if (isCut) break;
    }
    isFed &&= await child.closeInput();
    await child.succeeded();
    if (isCut || !(isPadded || (isFed && (await child.readEverything()))))
      throw child.failed('ended before it had read everything');
  } finally {
    await child.end();
  }
}

/** Runs a command without input. @throws CommandFailedError; the reason of the signal */
export async function runCommand(command: string, options: ConsumerOptions): Promise<void> {
  options.signal.throwIfAborted();
  const child = startCommand(command, options, { stdin: 'ignore', stdout: stdoutOf(options) });
  try {
    await child.succeeded();
  } finally {
    await child.end();
  }
}

function stdoutOf({ stdout = 'ignore' }: ConsumerOptions): 'ignore' | 2 {
  return stdout === 'ignore' ? 'ignore' : 2;
}

/** As archives of tar do: what reads them may leave the last of that where it is. */
function endsInZeros(chunk: Uint8Array): boolean {
  return chunk.length >= paddingBytes && chunk.subarray(-paddingBytes).every((byte) => byte === 0);
}
