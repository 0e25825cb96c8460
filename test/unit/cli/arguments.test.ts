import { describe, expect, it } from 'vitest';
import { findCommand, nameFirst, parsePlainly, takeGlobals } from '../../../src/cli/arguments.ts';
import { UsageError } from '../../../src/cli/usage-error.ts';
import { defineCommand } from '../../../src/commands/command.ts';

const known = new Set(['WALG_FILE_PREFIX', 'PGHOST']);

const command = defineCommand({
  name: 'fetch',
  summary: '',
  positionals: [
    { name: 'directory', text: '', required: true },
    { name: 'name', text: '', required: false },
  ],
  options: {
    full: { type: 'boolean', short: 'f', text: '' },
    mask: { type: 'string', short: 'm', text: '' },
  },
  examples: [],
  run: () => Promise.resolve(undefined),
});

describe('the global flags', () => {
  it('are taken out wherever they stand', () => {
    const args = ['--pghost=h', 'push', '--walg-file-prefix', '/b', '--turbo', '/data', '--config', 'c.json', '-f'];
    expect(takeGlobals(args, known)).toEqual({
      flags: new Map([
        ['PGHOST', 'h'],
        ['WALG_FILE_PREFIX', '/b'],
      ]),
      config: 'c.json',
      turbo: true,
      rest: ['push', '/data', '-f'],
    });
  });

  it('end at a double dash, which stays', () => {
    expect(takeGlobals(['a', '--', '--turbo', '--pghost=h'], known)).toMatchObject({
      turbo: false,
      rest: ['a', '--', '--turbo', '--pghost=h'],
    });
  });

  it('leave what is not theirs, in every spelling', () => {
    const args = ['--PGHOST=h', '--walg-x', '-pghost', '--', 'x'];
    expect(takeGlobals(args, known)).toMatchObject({ flags: new Map(), rest: args });
  });

  it('take a value with line ends, equal signs and dashes, and an empty one', () => {
    const { flags } = takeGlobals(['--pghost=a=b\nc', '--walg-file-prefix', '--x'], known);
    expect(Object.fromEntries(flags)).toEqual({ PGHOST: 'a=b\nc', WALG_FILE_PREFIX: '--x' });
    expect(takeGlobals(['--config='], known).config).toBe('');
  });

  it('are refused without a value, and --turbo with a strange one', () => {
    for (const args of [['--pghost'], ['x', '--config'], ['--turbo=maybe']]) {
      expect(() => takeGlobals(args, known), args.join(' ')).toThrow(UsageError);
    }
    expect(takeGlobals(['--turbo=false'], known).turbo).toBe(false);
  });
});

describe('the name of a command', () => {
  const entries = [{ name: 'delete' }, { name: 'delete before' }, { name: 'wal-push' }];

  it('is the longest that fits', () => {
    expect(findCommand(entries, ['delete', 'before', 'X'])).toEqual({ entry: entries[1], args: ['X'] });
    expect(findCommand(entries, ['delete', 'after'])).toEqual({ entry: entries[0], args: ['after'] });
    expect(findCommand(entries, ['wal-pus'])).toBeUndefined();
    expect(findCommand(entries, [])).toBeUndefined();
  });
});

describe('options before the second word of a name', () => {
  const entries = ['delete retain', 'st check read', 'st ls', 'wal-push'].map((name) => ({ name }));

  it.each([
    ['delete --confirm retain 5', 'delete retain --confirm 5'],
    ['st -t all check read a', 'st check read -t all a'],
    ['st ls -r', 'st ls -r'],
    ['delete --help', 'delete --help'],
    ['wal-push --x wal-push', 'wal-push --x wal-push'],
  ])('%s means %s', (given, meant) => {
    expect(nameFirst(entries, given.split(' '))).toEqual(meant.split(' '));
  });
});

describe('plain arguments', () => {
  it('are options in any form and place, and positionals', () => {
    for (const args of [
      ['/d', 'LATEST', '--full', '--mask', 'a b'],
      ['-f', '--mask=a b', '/d', 'LATEST'],
      ['/d', '-m', 'a b', 'LATEST', '--full=true'],
      ['--mask', 'a b', '--full', '--', '/d', 'LATEST'],
    ]) {
      expect(parsePlainly(command, args), args.join(' ')).toEqual({
        positionals: ['/d', 'LATEST'],
        options: { full: true, mask: 'a b' },
      });
    }
  });

  it('keep names that look like numbers as they are', () => {
    expect(parsePlainly(command, ['000000010000000000000001', '1e3'])?.positionals).toEqual([
      '000000010000000000000001',
      '1e3',
    ]);
  });

  it('may be any number of words at the end, where the command takes them', () => {
    const [directory] = command.positionals;
    const open = {
      ...command,
      positionals: [
        ...(directory ? [directory] : []),
        { name: 'x', text: '', required: false, repeated: true } as const,
      ],
    };
    expect(parsePlainly(open, ['/d'])?.positionals).toEqual(['/d']);
    expect(parsePlainly(open, ['/d', 'a', '-f', 'a', 'b'])?.positionals).toEqual(['/d', 'a', 'a', 'b']);
    expect(parsePlainly(open, [])).toBeUndefined();
  });

  it('are not understood when anything is unknown, missing or too much', () => {
    for (const args of [
      [],
      ['a', 'b', 'c'],
      ['a', '--nothing'],
      ['a', '--mask'],
      ['a', '--full=maybe'],
      ['a', '-x'],
      ['a', '-fm'],
      ['a', '--help'],
      ['a', '--constructor'],
      ['a', '--no-full'],
    ]) {
      expect(parsePlainly(command, args), args.join(' ')).toBeUndefined();
    }
  });
});
