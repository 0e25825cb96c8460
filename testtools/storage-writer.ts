/**
 * A process of its own that writes to a file storage, for tests that starve it, kill it, or let it race with others:
 * `node storage-writer.ts DIRECTORY KEY MEBIBYTES [stall | race]`. It prints `done`, or `{"kind":…,"message":…}` of the error.
 *
 * With `stall` it prints `half` half-way and waits to be killed. With `race` it waits for the directory to hold an object
 * named `go`, then creates `KEY/0`, `KEY/1` … unless they exist, and prints the numbers that it created as JSON.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteSource } from '../src/bytes/stage.ts';
import { ArchiverError } from '../src/errors.ts';
import { ObjectExistsError } from '../src/storage/errors.ts';
import { openFileStorage } from '../src/storage/file/file-storage.ts';
import type { Storage } from '../src/storage/storage.ts';

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

async function race(storage: Storage): Promise<readonly number[]> {
  const won: number[] = [];
  while ((await storage.stat('go')) === undefined) await delay(1);
  for (let index = 0; index < 150; index += 1) {
    try {
      await storage.write(`${key}/${index}`, body(), { ifAbsent: true });
      won.push(index);
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
    }
  }
  return won;
}

try {
  const storage = openFileStorage({ prefix: directory });
  if (mode === 'race') {
    process.stdout.write('ready\n');
    process.stdout.write(`${JSON.stringify(await race(storage))}\n`);
  } else {
    await storage.write(key, body());
    process.stdout.write('done\n');
  }
} catch (error) {
  const { kind, message, hint } =
    error instanceof ArchiverError ? error : new ArchiverError('unexpected', String(error));
  process.stdout.write(`${JSON.stringify({ kind, message, hint })}\n`);
}
