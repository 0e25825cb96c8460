import { describe, expect, it } from 'vitest';
import { rawSettings, readSetting, readSettings } from '../../../src/config/setting.ts';
import { downloadSettings, networkSettings, uploadSettings } from '../../../src/pipeline/settings.ts';

const all = [uploadSettings, downloadSettings, networkSettings].flatMap((group) => Object.values(group));
const readAll = (values: Record<string, string>): unknown[] => all.map((one) => readSetting(one, rawSettings(values)));

describe('settings of transfers', () => {
  it("have WAL-G's defaults", () => {
    expect(readSettings(uploadSettings, rawSettings({}))).toMatchObject({
      concurrency: 16,
      queue: 2,
      backgroundLimit: 32,
      diskRateLimit: undefined,
    });
    expect(readSettings(downloadSettings, rawSettings({}))).toEqual({ concurrency: 10, fileRetries: 15 });
    expect(readSettings(networkSettings, rawSettings({}))).toEqual({ rateLimit: undefined });
  });

  it.each(all.map((one) => one.env))('%s refuses what is no whole number in its range', (name) => {
    for (const value of ['abc', '-1', '1.5', '10MB', '99999999999999999999']) {
      expect(() => readAll({ [name]: value })).toThrow(`invalid value of ${name}`);
    }
  });

  it('allow no concurrency or rate of 0', () => {
    for (const name of ['WALG_UPLOAD_CONCURRENCY', 'WALG_DOWNLOAD_CONCURRENCY', 'WALG_NETWORK_RATE_LIMIT']) {
      expect(() => readAll({ [name]: '0' })).toThrow(`invalid value of ${name}`);
    }
  });
});
