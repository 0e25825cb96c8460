import { describe, expect, it } from 'vitest';
import { OutputClosedError } from '../../../src/app/app.ts';
import { logFailure, statusFor } from '../../../src/cli/report.ts';
import { integer } from '../../../src/config/parsers.ts';
import { rawSettings, readSetting, setting } from '../../../src/config/setting.ts';
import { ArchiverError, CorruptError, InterruptedError } from '../../../src/errors.ts';
import { recordingLogger } from '../../../testtools/recording-logger.ts';

function told(error: unknown): readonly string[] {
  const logger = recordingLogger();
  logFailure(error, logger);
  return logger.records
    .filter(({ level }) => level === 'error')
    .map(({ message, fields }) =>
      [message, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(' '),
    );
}

describe('the status of a failure', () => {
  it("is that of the error's kind", () => {
    expect(statusFor(new CorruptError('x'), 'walvault')).toBe(65);
    expect(statusFor(new ArchiverError('archiveMissing', 'x'), 'walvault')).toBe(74);
    expect(statusFor(new InterruptedError(), 'walvault')).toBe(1);
    expect(statusFor(new Error('x'), 'walvault')).toBe(1);
    expect(statusFor('x', 'walvault')).toBe(1);
  });

  it('is 1 under the name wal-g, but for what is not in the archive', () => {
    expect(statusFor(new CorruptError('x'), 'wal-g')).toBe(1);
    expect(statusFor(new ArchiverError('usage', 'x'), 'wal-g')).toBe(1);
    expect(statusFor(new ArchiverError('archiveMissing', 'x'), 'wal-g')).toBe(74);
  });
});

describe('the report of a failure', () => {
  it('has the message, the causes that say more, and the hint', () => {
    const cause = new Error('connect ECONNREFUSED', { cause: new Error('connect ECONNREFUSED') });
    expect(told(new ArchiverError('unavailable', 'cannot reach "h"', { cause, hint: 'Start it.' }))).toEqual([
      'cannot reach "h" cause=connect ECONNREFUSED',
      'hint: Start it.',
    ]);
    expect(told(new CorruptError('cut short: EIO', { cause: new Error('EIO') }))).toEqual(['cut short: EIO']);
  });

  it('does not repeat the value of a secret setting', () => {
    const port = setting('WALG_PIN', integer(), '1', '', { secret: true });
    const caught = (): unknown => {
      try {
        return readSetting(port, rawSettings({ WALG_PIN: 'hunter2' }));
      } catch (error) {
        return error;
      }
    };
    expect(told(caught()).join()).not.toMatch(/hunter2|cause=/);
  });

  it('shows a stack only of what nobody expected', () => {
    expect(told(new TypeError('x is not a function')).join()).toMatch(/TypeError: x is not a function\n +at /);
    expect(told('thrown text')).toEqual(['unexpected: thrown text']);
    expect(told(new CorruptError('x')).join()).not.toContain(' at ');
  });

  it('is silent when whoever read the output has gone', () => {
    expect(told(new OutputClosedError({ cause: new Error('EPIPE') }))).toEqual([]);
  });
});
