/** fake-gcs-server, the better of the servers for Google Cloud Storage, which Go has to build. */
import { freePort } from '../postgres/free-port.ts';
import { temporaryDirectory } from '../temp.ts';
import { goProgram } from './go-program.ts';
import { startService } from './service-process.ts';

const program = 'fake-gcs-server';

/** Whether it was built. */
export function hasFakeGcsServer(): boolean {
  return goProgram(program) !== undefined;
}

/** A running server with an empty bucket `archive`; disposing it removes its data. */
export interface FakeGcsServer extends AsyncDisposable {
  readonly url: string;
  log(): string;
}

/** Starts one; it asks nobody who they are. */
export async function startFakeGcsServer(): Promise<FakeGcsServer> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await temporaryDirectory()).path;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = cleanup.use(
    startService(
      goProgram(program) ?? program,
      [
        ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-external-url', url],
        ...['-public-host', `127.0.0.1:${port}`, '-backend', 'filesystem', '-filesystem-root', folder],
      ],
      { environment: { HOME: folder }, cwd: folder },
    ),
  );
  await service.until(async () => {
    const { status } = await fetch(`${url}/storage/v1/b?project=test`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'archive' }),
      signal: AbortSignal.timeout(5_000),
    });
    return status === 200 || status === 409;
  });
  const owned = cleanup.move();
  return { url, log: () => service.log(), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
