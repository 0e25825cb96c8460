import { describe, expect, it } from 'vitest';
import { createLogger, type LogFormat, type LogLevel } from '../../../src/platform/log-writer.ts';

const at = new Date(2026, 10, 21, 3, 4, 58, 378);

function written(level: LogLevel, format: LogFormat): { lines: string[]; logger: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  return {
    lines,
    logger: createLogger({ level, format, clock: { now: () => at }, write: (line) => lines.push(line) }),
  };
}

describe('a text log', () => {
  it("has WAL-G's lines, with fields behind the message", () => {
    const { lines, logger } = written('NORMAL', 'text');
    logger.info('backup pushed', { name: 'base_1', bytes: 12, id: 7123456789012345678n, again: undefined, full: true });
    expect(lines).toEqual([
      'INFO: 2026/11/21 03:04:58.378000 backup pushed name=base_1 bytes=12 id=7123456789012345678 full=true\n',
    ]);
  });

  it('quotes values that hold spaces, quotes, equal signs, line ends or nothing', () => {
    const { lines, logger } = written('NORMAL', 'text');
    logger.warn('x', { a: 'two words', b: '"', c: 'k=v', d: 'a\nb\u001b[0m', e: '' });
    expect(lines.join('')).toContain('WARNING: ');
    expect(lines.join('')).toContain(String.raw`a="two words" b="\"" c="k=v" d="a\nb\u001b[0m" e=""`);
  });

  it('leaves out what the level leaves out', () => {
    const levels: Record<LogLevel, number> = { DEVEL: 4, NORMAL: 3, ERROR: 1 };
    for (const [level, count] of Object.entries(levels)) {
      const { lines, logger } = written(level as LogLevel, 'text');
      logger.debug('d');
      logger.info('i');
      logger.warn('w');
      logger.error('e');
      expect(lines, level).toHaveLength(count);
      expect(lines.at(-1)).toContain('ERROR: ');
    }
  });
});

describe('a JSON log', () => {
  it('has one object a line, with exact numbers', () => {
    const { lines, logger } = written('NORMAL', 'json');
    logger.error('it\nbroke', { id: 7123456789012345678n, path: '/a "b"', gone: undefined, time: 'never' });
    expect(lines).toEqual([
      `{"time":"${at.toISOString()}","level":"error","message":"it\\nbroke","id":7123456789012345678,"path":"/a \\"b\\""}\n`,
    ]);
  });
});
