import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/platform/log-writer.ts';
import { openProgress, progressState, progressText } from '../../../src/platform/progress.ts';
import { recordingLogger } from '../../../testtools/recording-logger.ts';

const mebibyte = 1024 * 1024;

function steppingClock(): { monotonicMs(): number; advance(ms: number): void } {
  let now = 1000;
  return { monotonicMs: () => now, advance: (ms) => (now += ms) };
}

describe('progress on a terminal', () => {
  it('is one line, redrawn at most five times a second and wiped at the end', () => {
    const clock = steppingClock();
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text), columns: 120 };
    const logger = recordingLogger();
    const options = { interactive: true, stream, logger, clock, totalBytes: 100 * mebibyte, label: 'pushing' };
    const progress = openProgress(options);
    progress.update(1);
    clock.advance(199);
    progress.update(2);
    expect(written).toEqual([]);
    clock.advance(801);
    progress.update(25 * mebibyte);
    progress.update(26 * mebibyte);
    expect(written).toEqual(['\r\u001b[Kpushing  25.0 MiB of 100.0 MiB  25 %  25.0 MiB/s  0:03 left']);
    progress.finish();
    progress.finish();
    expect(written.slice(1)).toEqual(['\r\u001b[K']);
    expect(logger.records).toEqual([]);
  });

  it('makes way for a log line', () => {
    const clock = steppingClock();
    const screen: string[] = [];
    const stream = { write: (text: string) => screen.push(text), columns: 40 };
    const logger = createLogger({
      level: 'NORMAL',
      format: 'text',
      clock: { now: () => new Date(0) },
      write: (line) => screen.push(line),
    });
    const progress = openProgress({
      interactive: true,
      stream,
      logger,
      clock,
      totalBytes: undefined,
      label: 'fetching',
    });
    clock.advance(500);
    progress.update(5);
    logger.info('one');
    logger.info('two');
    progress.finish();
    expect(screen).toHaveLength(3);
    expect(screen[0]?.length).toBeLessThanOrEqual(39 + '\r\u001b[K'.length);
    expect(screen[1]).toMatch(/^\r\u001b\[KINFO: .* one\n$/);
    expect(screen[2]).toMatch(/^INFO: .* two\n$/);
  });
});

describe('progress without a terminal', () => {
  it('is a log line every half a minute, and nothing on the stream', () => {
    const clock = steppingClock();
    const logger = recordingLogger();
    const stream = {
      write(): void {
        throw new Error('must not be written to');
      },
    };
    const progress = openProgress({ interactive: false, stream, logger, clock, totalBytes: 100, label: 'pushing' });
    for (let second = 0; second < 65; second += 1) {
      clock.advance(1000);
      progress.update(second);
    }
    progress.finish();
    expect(logger.records).toHaveLength(2);
    expect(logger.records[0]).toMatchObject({ level: 'info', message: 'pushing', fields: { bytes: 29, percent: 29 } });
  });
});

describe('the state of a transfer', () => {
  it('never exceeds all of it, and knows no rate before any time has passed', () => {
    expect(progressState({ doneBytes: 150, totalBytes: 100, elapsedMs: 1000 })).toMatchObject({
      percent: 100,
      remainingMs: 0,
    });
    expect(progressState({ doneBytes: 0, totalBytes: 100, elapsedMs: 0 })).toMatchObject({
      bytesPerSecond: 0,
      remainingMs: undefined,
    });
    expect(progressState({ doneBytes: 1, totalBytes: 0, elapsedMs: 5 }).percent).toBeUndefined();
  });

  it('is told in the unit that fits', () => {
    const text = (doneBytes: number, remainingMs: number): string =>
      progressText('x', { doneBytes, totalBytes: undefined, bytesPerSecond: 0, percent: undefined, remainingMs });
    expect(text(1023, 59_500)).toBe('x  1023 B  0 B/s  1:00 left');
    expect(text(1536, 3_599_000)).toBe('x  1.5 KiB  0 B/s  59:59 left');
    expect(text(3 * 1024 ** 4, 36_065_000)).toBe('x  3.0 TiB  0 B/s  10:01:05 left');
  });
});
