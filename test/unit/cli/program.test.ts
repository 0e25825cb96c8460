import { describe, expect, it } from 'vitest';
import { interpret, type Request } from '../../../src/cli/program.ts';
import { defineCommand } from '../../../src/commands/command.ts';

const push = defineCommand({
  name: 'backup-push',
  summary: 'Push a backup.',
  positionals: [{ name: 'directory', text: 'The data directory.', required: true }],
  options: {
    full: { type: 'boolean', short: 'f', text: 'All of it.' },
    permanent: { type: 'boolean', short: 'p', text: 'For good.' },
    'add-user-data': { type: 'string', text: 'Keep this.', placeholder: 'JSON' },
  },
  examples: [
    { line: 'backup-push /data', text: 'Push it.' },
    { line: "archive_command = 'walvault wal-push %p'", text: 'Elsewhere.' },
  ],
  exitStatuses: { 75: 'somebody else is pushing', 200: 'the server stops' },
  run: () => Promise.resolve(undefined),
});
const hidden = defineCommand({ ...push, name: 'wal-prefetch', summary: 'Hidden one.', hidden: true });

const nested = defineCommand({
  ...push,
  name: 'key check',
  summary: 'Check the keys.',
  positionals: [],
  examples: [{ line: 'key check --full', text: 'All of them.' }],
});
const open = defineCommand({
  ...push,
  name: 'wal-verify',
  summary: 'Verify it.',
  positionals: [{ name: 'checks', text: 'Any.', required: false, repeated: true }],
});
const sibling = defineCommand({ ...nested, name: 'key chain', summary: 'Forge them.' });

function ask(words: readonly string[], name = 'walvault'): Promise<Request> {
  const entries = [push, hidden, nested, sibling, open].map((command) => ({
    name: command.name,
    load: () => Promise.resolve(command),
  }));
  return interpret(words, { name, entries });
}

async function textOf(words: readonly string[], name?: string): Promise<string> {
  const request = await ask(words, name);
  if (request.kind !== 'text') throw new Error('no text');
  return request.text;
}

describe('help', () => {
  it('lists the commands that are not hidden, without words and for help', async () => {
    for (const words of [[], ['help'], ['--help'], ['-h']]) {
      const text = await textOf(words);
      expect(text, words.join(' ')).toContain('walvault backup-push <directory>');
      expect(text).not.toContain('Hidden one.');
    }
  });

  it('explains a command with options, examples and exit statuses', async () => {
    for (const words of [
      ['help', 'backup-push'],
      ['backup-push', '--help'],
      ['backup-push', '/d', '-h'],
    ]) {
      const text = await textOf(words);
      expect(text, words.join(' ')).toContain('Push a backup.');
      expect(text).toMatch(/-f, --full +All of it\./);
      expect(text).toMatch(/--add-user-data +JSON: Keep this\./);
      expect(text).toMatch(/walvault backup-push \/data +Push it\./);
      expect(text).toMatch(/archive_command = 'walvault wal-push %p' +Elsewhere\./);
      expect(text).toMatch(/ {2}75 {2}somebody else is pushing/);
      expect(text).toMatch(/ {2}64 {2}bad usage/);
      expect(text, 'what cannot happen to it').not.toMatch(/ {2}69 /);
    }
  });

  it('uses the name that the program was called by', async () => {
    const text = await textOf(['help', 'backup-push'], 'wal-g');
    expect(text).toContain('wal-g backup-push /data');
    expect(text).toMatch(/ {2}1 {3}any error/);
    expect(text).toMatch(/ {2}200 the server stops/);
    expect(text, 'there it is 1').not.toMatch(/bad usage|somebody else/);
  });
});

describe('help about commands with names of several words', () => {
  it('lists them by their full names', async () => {
    expect(await textOf([])).toMatch(/^ {2}walvault key check +Check the keys\.$/m);
  });

  it('lists those of a group', async () => {
    for (const words of [['key'], ['key', '--help'], ['key', '-h'], ['help', 'key'], ['key', 'help']]) {
      const text = await textOf(words);
      expect(text, words.join(' ')).toMatch(/Usage: walvault key <command>/);
      expect(text).toMatch(/^ {2}walvault key chain +Forge them\.$/m);
      expect(text, 'not of the group').not.toContain('backup-push');
    }
  });

  it('explains one', async () => {
    for (const words of [
      ['key', 'check', '--help'],
      ['help', 'key', 'check'],
      ['key', 'help', 'check'],
    ]) {
      const text = await textOf(words);
      expect(text, words.join(' ')).toContain('Usage: walvault key check [options]');
      expect(text).toMatch(/walvault key check --full +All of them\./);
      expect(text).toMatch(/-f, --full +All of it\./);
    }
  });
});

describe('a command line that is wrong', () => {
  it.each([
    [['backup-psh', '/d'], 'unknown command "backup-psh"; did you mean "backup-push"?'],
    [['nonsense'], 'unknown command "nonsense"'],
    [['daemon', '/run/socket'], 'the command "daemon" is not in this version'],
    [['key', 'chek'], 'unknown command "key chek"; did you mean "key check"?'],
    [['key', 'nonsense', 'check'], 'unknown command "key nonsense"'],
    [['help', 'key', 'nonsense'], 'unknown command "key nonsense"'],
    [['ke', 'check'], 'unknown command "ke"'],
    [['key', '--full'], 'unknown option --full'],
    [['key', 'check', '--ful'], 'unknown option --ful; did you mean --full?'],
    [['key', 'check', 'what'], 'Unknown argument: what'],
    [['help', 'nonsense'], 'unknown command "nonsense"'],
    [['backup-push', '/d', '--ful'], 'unknown option --ful; did you mean --full?'],
    [['backup-push', '/d', '--no-full'], 'unknown option --no-full'],
    [['backup-push'], 'Not enough non-option arguments: got 0, need at least 1'],
    [['backup-push', '/d', '/e'], 'Unknown argument: /e'],
    [['backup-push', '/d', '--add-user-data'], 'Not enough arguments following: add-user-data'],
  ])('%j is told so, with the usage', async (words, message) => {
    await expect(ask(words)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(message) as string,
      usage: expect.stringContaining('Usage: walvault') as string,
    });
  });
});

describe('a command line in a rare spelling', () => {
  it('is understood: a name of several words', async () => {
    expect(await ask(['key', 'check', '-fp'])).toMatchObject({
      kind: 'run',
      command: nested,
      args: { positionals: [], options: { full: true, permanent: true } },
    });
  });

  it('is understood: one-letter options in one word', async () => {
    expect(await ask(['backup-push', '-fp', '/d'])).toMatchObject({
      kind: 'run',
      command: push,
      args: { positionals: ['/d'], options: { full: true, permanent: true } },
    });
  });

  it('is understood: any number of words', async () => {
    for (const words of [[], ['a'], ['a', 'b', 'a']]) {
      const args = { positionals: words, options: { full: true, 'add-user-data': '2' } };
      const options = ['-fp', '--add-user-data', '1', '--add-user-data=2'];
      expect(await ask(['wal-verify', ...words, ...options])).toMatchObject({ command: open, args });
    }
    expect(await textOf(['wal-verify', '--help'])).toContain('Usage: walvault wal-verify [checks..] [options]');
  });
});
