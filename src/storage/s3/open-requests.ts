/** From settings to requests: what every way to speak to S3 starts with. */
import type { RawSettings } from '../../config/setting.ts';
import { createHttpClient } from '../../network/http.ts';
import type { OpenStorageOptions } from '../open.ts';
import { s3Config } from './config.ts';
import { s3Credentials } from './credentials.ts';
import { S3Requests } from './request.ts';

/** Makes ready for requests; none is made, and no SDK is loaded. @throws ArchiverError (`config`) */
export async function openS3Requests(
  raw: RawSettings,
  { logger, clock, openHttp = createHttpClient }: OpenStorageOptions,
): Promise<S3Requests> {
  const config = await s3Config(raw, { logger });
  const { ca, proxies } = config;
  const http = openHttp({ ca, ...(proxies !== undefined && { proxies }) });
  return new S3Requests({
    config,
    http,
    credentials: (region) => s3Credentials(raw, { http, region, logger }),
    logger,
    ...(clock !== undefined && { clock }),
  });
}
