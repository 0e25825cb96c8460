import { expect, it } from 'vitest';
import { rawSettings, readSettings, SettingError } from '../../../src/config/setting.ts';
import { postgresSettings } from '../../../src/postgres/settings.ts';

const read = (values: Record<string, string>) => readSettings(postgresSettings, rawSettings(values));

it('sizes of WAL segments are given in MiB and used in bytes', () => {
  expect(read({}).segmentBytes).toBe(16 * 1024 * 1024);
  expect(read({ WALG_PG_WAL_SIZE: '1024' }).segmentBytes).toBe(1024 ** 3);
});

it.each(['0', '3', '2048', '16MB', '-16', '1e1'])('no server has WAL segments of %s', (size) => {
  expect(() => read({ WALG_PG_WAL_SIZE: size })).toThrow(SettingError);
  expect(() => read({ WALG_PG_WAL_SIZE: size })).toThrow('allowed: a power of two from 1 to 1024');
});
