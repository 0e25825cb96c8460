/** The storage for Azure over a scripted network. */
import type { Clock } from '../src/platform/clock.ts';
import { rawSettings } from '../src/config/setting.ts';
import { createAuthorizer } from '../src/storage/azure/authorizer.ts';
import { AzureStorage } from '../src/storage/azure/azure-storage.ts';
import { azureConfig } from '../src/storage/azure/config.ts';
import { AzureRequests } from '../src/storage/azure/requests.ts';
import type { AskForToken } from '../src/storage/azure/tokens.ts';
import { createUploadBuffers } from '../src/storage/upload-buffers.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';
import { recordingLogger } from './recording-logger.ts';
import { scriptedHttp, type ScriptedAnswer, type ScriptedHttp } from './scripted-http.ts';

/** A storage, and what is around it. */
export interface AzureRig {
  readonly storage: AzureStorage;
  readonly http: ScriptedHttp;
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof recordingLogger>;
}

/** Opens `azure://box/a` of the account "acc" with a key, unless `settings` say otherwise. */
export function azureRig(
  script: Parameters<typeof scriptedHttp>[0],
  { settings = {}, askForToken }: AzureRigOptions = {},
): AzureRig {
  const logger = recordingLogger();
  const clock = fakeClock();
  const http = scriptedHttp(script);
  const raw = rawSettings({
    WALG_AZ_PREFIX: 'azure://box/a',
    AZURE_STORAGE_ACCOUNT: 'acc',
    AZURE_STORAGE_ACCESS_KEY: Buffer.from('the key').toString('base64'),
    ...settings,
  });
  const config = azureConfig(raw, { logger });
  const authorizer = createAuthorizer(config.credential, { clock, ...(askForToken !== undefined && { askForToken }) });
  const requests = new AzureRequests({ config, http, authorizer, clock: clock satisfies Clock, logger });
  return { storage: new AzureStorage(requests, createUploadBuffers(64 << 20)), http, clock, logger };
}

/** Options of {@link azureRig}. */
export interface AzureRigOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly askForToken?: AskForToken;
}

/** A refusal as Azure words it. */
export function refusal(status: number, code: string, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer {
  return {
    status,
    headers: { 'x-ms-error-code': code, ...headers },
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>Some words.\nRequestId:1\nTime:2</Message></Error>`,
  };
}
