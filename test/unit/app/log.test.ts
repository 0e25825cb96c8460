import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLog } from '../../../src/app/log.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

describe('the log', () => {
  it('is appended to the file of WALG_LOG_DESTINATION', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'log');
    await writeFile(path, 'before\n');
    const settings = { WALG_LOG_DESTINATION: path, WALG_LOG_FORMAT: 'json', WALG_LOG_LEVEL: 'ERROR' };
    const { logger, toStandardError } = openLog(rawSettings(settings), systemClock);
    logger.info('not written');
    logger.error('broke', { bytes: 1 });
    expect(toStandardError).toBe(false);
    expect(await readFile(path, 'utf8')).toMatch(
      /^before\n\{"time":"[^"]+","level":"error","message":"broke","bytes":1\}\n$/,
    );
  });

  it('goes to standard error by default and for the word stderr', () => {
    expect(openLog(rawSettings({}), systemClock).toStandardError).toBe(true);
    expect(openLog(rawSettings({ WALG_LOG_DESTINATION: 'stderr' }), systemClock).toStandardError).toBe(true);
  });

  it('is refused when its file cannot be opened or a setting is wrong', async () => {
    await using directory = await temporaryDirectory();
    for (const settings of [
      { WALG_LOG_DESTINATION: join(directory.path, 'no', 'log') },
      { WALG_LOG_DESTINATION: directory.path },
      { WALG_LOG_LEVEL: 'devel' },
      { WALG_LOG_FORMAT: 'xml' },
    ]) {
      expect(() => openLog(rawSettings(settings), systemClock), JSON.stringify(settings)).toThrow(
        expect.objectContaining({ kind: 'config' }),
      );
    }
  });
});
