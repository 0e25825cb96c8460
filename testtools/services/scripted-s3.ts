/** A storage of S3 whose server answers as a test tells it. */
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger, type Logger } from '../../src/platform/logger.ts';
import { openS3Storage } from '../../src/storage/s3/open.ts';
import type { S3Storage } from '../../src/storage/s3/s3-storage.ts';
import { startHttpScript, type HttpCall, type ScriptedAnswer } from './http-script.ts';

/** A storage and what it asked; disposing closes both. */
export interface ScriptedS3 extends AsyncDisposable {
  readonly storage: S3Storage;
  readonly calls: readonly HttpCall[];
  /** The requests in short: `PUT a?partNumber=1`, values of upload ids and the like left out. */
  asked(): readonly string[];
}

/** Opens a storage `s3://bucket/db` with parts of 5 MiB on a server of its own. */
export async function openScriptedS3(
  answer: (call: HttpCall) => ScriptedAnswer | Promise<ScriptedAnswer>,
  settings: Readonly<Record<string, string>> = {},
  logger: Logger = silentLogger,
): Promise<ScriptedS3> {
  const server = await startHttpScript(answer);
  const raw = rawSettings({
    WALG_S3_PREFIX: 's3://bucket/db',
    AWS_ENDPOINT: server.url,
    AWS_S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_MAX_PART_SIZE: String(5 * 1024 * 1024),
    S3_MIN_THROTTLING_RETRY_DELAY: '1',
    S3_MAX_THROTTLING_RETRY_DELAY: '5',
    ...settings,
  });
  const storage = await openS3Storage(raw, { logger });
  return {
    storage,
    calls: server.calls,
    asked: () => server.calls.map(shortened),
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A refusal as S3 words it. */
export function refusal(status: number, code: string): ScriptedAnswer {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>because</Message></Error>` };
}

function shortened({ method, path, query }: HttpCall): string {
  const shown = [...query].map(([name, value]) => (name === 'partNumber' ? `${name}=${value}` : name));
  const key = path.replace(/^\/bucket\/?/, '');
  return `${method} ${key}${shown.length === 0 ? '' : `?${shown.sort().join('&')}`}`;
}
