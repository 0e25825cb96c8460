import { describe, expect, it } from 'vitest';
import { allEntries, dispatch } from '../../../src/cli/dispatch.ts';
import { commandGroups } from '../../../src/commands/index.ts';
import { defineCommand } from '../../../src/commands/command.ts';

const list = defineCommand({
  name: 'list',
  summary: 'List.',
  positionals: [],
  options: { json: { type: 'boolean', text: 'As JSON.' } },
  examples: [{ line: 'list', text: 'All.' }],
  run: () => Promise.resolve(undefined),
});

describe('dispatching', () => {
  const entries = [
    { name: 'list', load: () => Promise.resolve(list) },
    { name: 'broken', load: () => Promise.reject(new Error('must not be loaded')) },
  ];

  it('loads the command that is named and no other, and adds the global options', async () => {
    const request = await dispatch(['list', '--json'], { name: 'walvault', entries, globals: { turbo: true } });
    expect(request).toEqual({
      kind: 'run',
      command: list,
      args: { positionals: [], options: { turbo: true, json: true } },
    });
  });

  it('takes the name of the database before a command', async () => {
    expect(await dispatch(['pg', 'list'], { name: 'walvault', entries, globals: {} })).toMatchObject({ command: list });
  });
});

describe('every command', () => {
  it.each(allEntries())('$name declares itself under its name, with examples that it understands', async (entry) => {
    const command = await entry.load();
    expect(command.name).toBe(entry.name);
    expect(command.summary).not.toBe('');
    expect(command.examples.length).toBeGreaterThan(0);
    const shorts = Object.values(command.options).flatMap(({ short }) => short ?? []);
    expect(new Set(shorts).size).toBe(shorts.length);
    expect(Object.keys(command.options)).not.toContain('help');
    const required = command.positionals.map((one) => one.required);
    expect(required, 'optional positionals come last').toEqual([...required].sort((a, b) => Number(b) - Number(a)));
  });

  it.each(allEntries())('$name has a help with examples and exit statuses', async ({ name }) => {
    const words = [...name.split(' '), '--help'];
    const help = await dispatch(words, { name: 'walvault', entries: allEntries(), globals: {} });
    expect(help).toMatchObject({ kind: 'text', text: expect.stringMatching(/Examples:[^]*Exit statuses:/) as string });
  });

  it('belongs to a group that is described, when its name has several words', () => {
    const groups = allEntries().flatMap(({ name }) => name.split(' ').slice(0, -1).join(' ') || []);
    expect([...commandGroups.keys()].sort()).toEqual([...new Set(groups)].sort());
  });

  it('has a name of its own', () => {
    const names = allEntries().map((entry) => entry.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
