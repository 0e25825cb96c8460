/** From settings to a container of Swift. */
import type { RawSettings } from '../../config/setting.ts';
import { createHttpClient } from '../../network/http.ts';
import { systemClock } from '../../platform/clock.ts';
import type { OpenAdapter, OpenStorageOptions } from '../open.ts';
import { openUploadBuffers } from '../upload-buffers.ts';
import { swiftConfig } from './config.ts';
import { SwiftRequests } from './requests.ts';
import { openSession } from './session.ts';
import { SwiftStorage } from './swift-storage.ts';

/** Makes ready for requests; none is made. @throws ArchiverError (`config`) */
export function openSwiftRequests(
  raw: RawSettings,
  { logger, clock = systemClock, openHttp = createHttpClient }: OpenStorageOptions,
): SwiftRequests {
  const config = swiftConfig(raw, { logger });
  const { ca, proxies } = config;
  const http = openHttp({ ca, ...(proxies !== undefined && { proxies }) });
  const session = openSession({ config, http, clock, logger });
  return new SwiftRequests({ config, http, session, clock, logger });
}

/** Opens the container that the settings name; nothing is asked of it yet. @throws ArchiverError (`config`) */
export const openSwiftStorage: OpenAdapter = (raw, options) =>
  Promise.resolve().then(
    () => new SwiftStorage(openSwiftRequests(raw, options), options.buffers ?? openUploadBuffers(raw)),
  );
