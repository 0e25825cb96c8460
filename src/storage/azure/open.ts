/** From settings to a container of Azure. */
import type { RawSettings } from '../../config/setting.ts';
import { createHttpClient } from '../../network/http.ts';
import { systemClock } from '../../platform/clock.ts';
import type { OpenAdapter, OpenStorageOptions } from '../open.ts';
import { openUploadBuffers } from '../upload-buffers.ts';
import { createAuthorizer } from './authorizer.ts';
import { AzureStorage } from './azure-storage.ts';
import { azureConfig } from './config.ts';
import { AzureRequests } from './requests.ts';

/** Makes ready for requests; none is made. @throws ArchiverError (`config`) */
export function openAzureRequests(
  raw: RawSettings,
  { logger, clock = systemClock, openHttp = createHttpClient }: OpenStorageOptions,
): AzureRequests {
  const config = azureConfig(raw, { logger });
  const { credential, ca, proxies } = config;
  const authorizer = createAuthorizer(credential, { clock });
  const http = openHttp({ ca, ...(proxies !== undefined && { proxies }) });
  return new AzureRequests({ config, http, authorizer, clock, logger });
}

/** Opens the container that the settings name; nothing is asked of it yet. @throws ArchiverError (`config`) */
export const openAzureStorage: OpenAdapter = (raw, options) =>
  Promise.resolve().then(
    () => new AzureStorage(openAzureRequests(raw, options), options.buffers ?? openUploadBuffers(raw)),
  );
