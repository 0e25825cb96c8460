/** The storage for Google Cloud Storage on its stand-in, with time that tests own. */
import { rawSettings } from '../src/config/setting.ts';
import { createHttpClient } from '../src/network/http.ts';
import { gcsConfig } from '../src/storage/gcs/config.ts';
import type { CredentialSource } from '../src/storage/gcs/credentials.ts';
import { GcsStorage } from '../src/storage/gcs/gcs-storage.ts';
import { GcsRequests } from '../src/storage/gcs/requests.ts';
import { createUploadBuffers } from '../src/storage/upload-buffers.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';
import { recordingLogger } from './recording-logger.ts';
import { startGcsStandIn, type GcsStandIn, type GcsStandInOptions } from './services/gcs-stand-in.ts';

/** What a test works with; disposing closes all of it. */
export interface GcsRig extends AsyncDisposable {
  readonly standIn: GcsStandIn;
  readonly storage: GcsStorage;
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof recordingLogger>;
}

/** How to make one. */
export interface GcsRigOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly credentials?: CredentialSource;
  readonly standIn?: GcsStandInOptions;
}

/** Makes a storage with chunks of 256 KiB. */
export async function gcsRig(options: GcsRigOptions = {}): Promise<GcsRig> {
  await using cleanup = new AsyncDisposableStack();
  const standIn = cleanup.use(await startGcsStandIn(options.standIn));
  const clock = fakeClock();
  const logger = recordingLogger();
  const endpoint = options.credentials === undefined ? 'STORAGE_EMULATOR_HOST' : 'GCS_ENDPOINT';
  const settings = { WALG_GS_PREFIX: 'gs://archive/db', [endpoint]: standIn.url, GCS_MAX_CHUNK_SIZE: '262144' };
  const config = gcsConfig(rawSettings({ ...settings, ...options.settings }), { logger });
  const http = createHttpClient({ deadlines: { answerMs: 500 } });
  const requests = new GcsRequests({ config, http, credentials: options.credentials, logger, clock });
  const storage = cleanup.use(new GcsStorage(requests, createUploadBuffers(64 * 1024 * 1024)));
  const owned = cleanup.move();
  return { standIn, storage, clock, logger, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
