/** PyPI's `gcp-storage-emulator`, in the virtual environment of the tests: a second opinion on our requests. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../postgres/free-port.ts';
import { answers, startService } from './service-process.ts';

const program = join(resolve(import.meta.dirname, '..', '..'), '.cache', 'venv', 'bin', 'gcp-storage-emulator');

/** Whether it is installed; in CI it must be. */
export function hasGcsEmulator(): boolean {
  if (existsSync(program)) return true;
  if (process.env['CI'] === 'true') {
    throw new Error('CI needs gcp-storage-emulator: sh scripts/python-packages.sh gcp-storage-emulator==…');
  }
  return false;
}

/** A running emulator with an empty bucket `archive` in memory. */
export interface GcsEmulator extends AsyncDisposable {
  readonly url: string;
  log(): string;
}

/** Starts one. It knows no preconditions, no pages and no customer's keys, and asks nobody who they are. */
export async function startGcsEmulator(): Promise<GcsEmulator> {
  await using cleanup = new AsyncDisposableStack();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = cleanup.use(
    startService(
      program,
      ['start', '--host=127.0.0.1', `--port=${port}`, '--in-memory', '--default-bucket=archive'],
      // The addresses that it gives out for uploads.
      { environment: { STORAGE_EMULATOR_HOST: url } },
    ),
  );
  await service.until(() => answers(url));
  const owned = cleanup.move();
  return { url, log: () => service.log(), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
