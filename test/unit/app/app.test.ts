import { afterEach, beforeEach, expect, it } from 'vitest';
import { openApp } from '../../../src/app/app.ts';
import type { ProgramInfo } from '../../../src/commands/command.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { silentLogger } from '../../../src/platform/logger.ts';

const wasTerminal = process.stderr.isTTY;
beforeEach(() => {
  process.stderr.isTTY = true;
});
afterEach(() => {
  process.stderr.isTTY = wasTerminal;
});

function open(format: 'text' | 'json') {
  const program: ProgramInfo = {
    version: '1',
    path: '/walvault',
    leadingArguments: [],
    workerEntry: new URL('file:///worker.js'),
    name: 'walvault',
  };
  return openApp({
    settings: rawSettings({}),
    log: { logger: silentLogger, level: 'NORMAL', format, toStandardError: true },
    signal: new AbortController().signal,
    program,
  });
}

it('a terminal that goes away does not end the run that draws on it', () => {
  const before = process.stderr.listenerCount('error');
  const app = open('text');
  expect([app.interactive, app.interactive]).toEqual([true, true]);
  expect(process.stderr.listenerCount('error')).toBe(before + 1);
  expect(() => process.stderr.emit('error', new Error('EIO'))).not.toThrow();
});

it('nothing is drawn between lines of JSON', () => {
  expect(open('json').interactive).toBe(false);
});
