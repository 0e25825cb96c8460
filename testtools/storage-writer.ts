/**
 * A process of its own that writes one object to a file storage, for tests that starve or kill it:
 * `node storage-writer.ts DIRECTORY KEY MEBIBYTES [stall | absent]`. With `stall` it prints `half` half-way and waits to be killed, with `absent`
 * it replaces nothing.
 * It prints `{"kind":…,"message":…}` of the error, or `done`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteSource } from '../src/bytes/stage.ts';
import { ArchiverError } from '../src/errors.ts';
import { openFileStorage } from '../src/storage/file/file-storage.ts';

const [, , directory = '', key = '', mebibytes = '', mode = ''] = process.argv;
const chunk = Buffer.alloc(1024 * 1024, 7);

async function* body(): ByteSource {
  for (let index = 0; index < Number(mebibytes); index += 1) {
    if (mode === 'stall' && index >= Number(mebibytes) / 2) {
      process.stdout.write('half\n');
      await delay(60_000);
    }
    yield chunk;
  }
}

try {
  await openFileStorage({ prefix: directory }).write(key, body(), { ifAbsent: mode === 'absent' });
  process.stdout.write('done\n');
} catch (error) {
  const { kind, message, hint } =
    error instanceof ArchiverError ? error : new ArchiverError('unexpected', String(error));
  process.stdout.write(`${JSON.stringify({ kind, message, hint })}\n`);
}
