/** From settings to the storage. */
import { createHttpClient } from '../../network/http.ts';
import type { OpenAdapter } from '../open.ts';
import { openUploadBuffers } from '../upload-buffers.ts';
import { gcsConfig } from './config.ts';
import { gcsCredentials } from './credentials.ts';
import { GcsStorage } from './gcs-storage.ts';
import { GcsRequests } from './requests.ts';

/** Opens Google Cloud Storage; no request is made. @throws ArchiverError (`config`) */
export const openGcsStorage: OpenAdapter = (raw, { logger, buffers, clock, openHttp = createHttpClient }) => {
  const config = gcsConfig(raw, { logger });
  const http = openHttp(config.proxies === undefined ? {} : { proxies: config.proxies });
  const credentials = config.authorized ? gcsCredentials(config) : undefined;
  const requests = new GcsRequests({ config, http, credentials, logger, ...(clock !== undefined && { clock }) });
  return Promise.resolve(new GcsStorage(requests, buffers ?? openUploadBuffers(raw)));
};
