/** From settings to a container of Azure. */
import { createHttpClient } from '../../network/http.ts';
import { systemClock } from '../../platform/clock.ts';
import type { OpenAdapter } from '../open.ts';
import { openUploadBuffers } from '../upload-buffers.ts';
import { createAuthorizer } from './authorizer.ts';
import { AzureStorage } from './azure-storage.ts';
import { azureConfig } from './config.ts';
import { AzureRequests } from './requests.ts';

/** Opens the container that the settings name; nothing is asked of it yet. @throws ArchiverError (`config`) */
// eslint-disable-next-line @typescript-eslint/require-await -- errors of the settings are to reject
export const openAzureStorage: OpenAdapter = async (raw, { logger, buffers }) => {
  const config = azureConfig(raw, { logger });
  const { credential, ca, proxies } = config;
  const clock = systemClock;
  const authorizer = createAuthorizer(credential, { clock });
  const http = createHttpClient({ ca, ...(proxies !== undefined && { proxies }) });
  const requests = new AzureRequests({ config, http, authorizer, clock, logger });
  return new AzureStorage(requests, buffers ?? openUploadBuffers(raw));
};
