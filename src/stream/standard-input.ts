/** Reads standard input in bulk: without a buffer for each chunk, and without reading ahead more than a little. */
import { fstatSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { ArchiverError, messageOf } from '../errors.ts';
import { createTurns } from '../bytes/turns.ts';
import type { ByteSource } from '../bytes/stage.ts';

const descriptor = 0;
const fileBytes = 256 << 10;
/** As much as a pipe holds. */
const pieceBytes = 64 << 10;
const pieces = 16;

/** Somebody would have to type it. */
export function isTerminalInput(): boolean {
  return isatty(descriptor);
}

/**
 * The bytes of standard input, to be read once; chunks are lent.
 *
 * @throws ArchiverError (`unavailable`) when it cannot be read; the reason of the signal, also while it waits
 */
export function standardInput(signal: AbortSignal): ByteSource {
  const stats = fstatSync(descriptor);
  return stats.isFIFO() || stats.isSocket() ? piped(signal) : read(signal);
}

/** Files and devices never wait long. */
async function* read(signal: AbortSignal): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(fileBytes);
  const turn = createTurns();
  for (;;) {
    signal.throwIfAborted();
    let length: number;
    try {
      length = readSync(descriptor, buffer, 0, buffer.length, null);
    } catch (error) {
      throw unreadable(error);
    }
    if (length === 0) return;
    yield buffer.subarray(0, length);
    const turned = turn();
    if (turned !== undefined) await turned;
  }
}

interface Piece {
  readonly memory: Buffer<ArrayBuffer>;
  readonly length: number;
}

async function* piped(signal: AbortSignal): ByteSource {
  const free = Array.from({ length: pieces }, () => Buffer.allocUnsafeSlow(pieceBytes));
  const filled: Piece[] = [];
  let ending: { readonly error: unknown } | 'end' | undefined;
  let wake: (() => void) | undefined;
  const end = (how: { readonly error: unknown } | 'end'): void => {
    ending ??= how;
    wake?.();
  };
  const onAbort = (): void => {
    end({ error: signal.reason });
  };

  // It always has memory to read into, and pauses with the last one.
  const reading = { memory: Buffer.allocUnsafeSlow(pieceBytes), isPaused: false };
  const socket = new Socket({
    fd: descriptor,
    readable: true,
    writable: false,
    onread: {
      buffer: () => reading.memory,
      callback(length: number) {
        filled.push({ memory: reading.memory, length });
        reading.memory = free.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
        reading.isPaused = free.length === 0;
        wake?.();
        return !reading.isPaused;
      },
    },
  });
  socket.on('end', () => {
    end('end');
  });
  socket.on('close', () => {
    end('end');
  });
  socket.on('error', (error) => {
    end({ error: unreadable(error) });
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  socket.resume();
  try {
    for (;;) {
      if (ending !== undefined && ending !== 'end') throw ending.error;
      const piece = filled.shift();
      if (piece === undefined) {
        if (ending !== undefined) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield piece.memory.subarray(0, piece.length);
      free.push(piece.memory);
      if (!reading.isPaused) continue;
      reading.isPaused = false;
      socket.resume();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function unreadable(error: unknown): ArchiverError {
  return new ArchiverError('unavailable', `cannot read standard input: ${messageOf(error)}`, { cause: error });
}
