import { describe, expect, it } from 'vitest';
import { allEntries, dispatch } from '../../../src/cli/dispatch.ts';
import { wordOf } from '../../../src/cli/named-database.ts';
import { commandGroups } from '../../../src/commands/index.ts';
import type { Request } from '../../../src/cli/program.ts';
import { defineCommand, type Command, type PositionalSpec } from '../../../src/commands/command.ts';
import type { Database } from '../../../src/commands/database.ts';
import type { CommandEntry } from '../../../src/commands/index.ts';
import { rawSettings } from '../../../src/config/setting.ts';

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

  it('takes the name of the database before a command, and tells the command', async () => {
    expect(await dispatch(['pg', 'list'], { name: 'walvault', entries, globals: {} })).toMatchObject({
      command: list,
      args: { options: { database: 'postgres' } },
    });
    const request = await dispatch(['mysql', 'list', '--json'], { name: 'walvault', entries, globals: {} });
    expect(request).toMatchObject({ args: { options: { database: 'mysql', json: true } } });
  });
});

describe('two commands of one name', () => {
  const positional = (name: string, required: boolean): PositionalSpec => ({ name, text: 'A word.', required });
  const make = (database: Database, spec: Partial<Command>): CommandEntry => {
    const command = defineCommand({ ...list, summary: `For ${database}.`, options: {}, ...spec });
    return { name: command.name, database, load: () => Promise.resolve(command) };
  };
  const userData = { 'target-user-data': { type: 'string', text: 'JSON.' } } as const;
  const entries = [
    make('postgres', { name: 'backup-push', positionals: [positional('directory', false)] }),
    make('postgres', {
      name: 'backup-fetch',
      positionals: [positional('directory', true), positional('name', false)],
      options: { ...userData, 'target-time': { type: 'string', text: 'When.' } },
    }),
    make('postgres', { name: 'wal-push', positionals: [positional('path', true)] }),
    make('mysql', { name: 'backup-push', options: { 'count-journals': { type: 'boolean', text: 'Count.' } } }),
    make('mysql', { name: 'backup-fetch', positionals: [positional('name', false)], options: userData }),
    make('mysql', { name: 'binlog-push' }),
  ];
  const ask = (line: string, settings: Readonly<Record<string, string>> = {}): Promise<Request> =>
    dispatch(line.split(' '), {
      name: 'walvault',
      entries,
      globals: {},
      settings: () => Promise.resolve(rawSettings(settings)),
    });
  const summaryOf = async (line: string, settings?: Readonly<Record<string, string>>): Promise<string> => {
    const request = await ask(line, settings);
    return request.kind === 'run' ? `${request.command.summary} ${String(request.args.options['database'])}` : '';
  };
  const mysql = { WALG_MYSQL_DATASOURCE_NAME: 'root@/' };
  const postgres = { PGHOST: '/run' };

  it.each([
    ['backup-push', {}, 'postgres'],
    ['backup-push', mysql, 'mysql'],
    ['backup-push', postgres, 'postgres'],
    ['backup-push', { ...postgres, ...mysql }, 'postgres'],
    ['pg backup-push', mysql, 'postgres'],
    ['mysql backup-push', postgres, 'mysql'],
    ['backup-push /data', mysql, 'postgres'],
    ['backup-push --count-journals', postgres, 'mysql'],
    ['backup-fetch LATEST', {}, 'mysql'],
    ['backup-fetch LATEST', { ...postgres, ...mysql }, 'mysql'],
    ['backup-fetch LATEST', postgres, 'postgres'],
    ['backup-fetch /data LATEST', mysql, 'postgres'],
    ['backup-fetch /data --target-time now', mysql, 'postgres'],
    ['backup-fetch /data --target-user-data 1', {}, 'postgres'],
    ['backup-fetch /data', { WALG_FETCH_TARGET_USER_DATA: '1' }, 'postgres'],
    ['backup-fetch --target-user-data 1', {}, 'mysql'],
    ['wal-push /wal', mysql, 'postgres'],
    ['binlog-push', postgres, 'mysql'],
  ])('%s with %o is for %s', async (line, settings, database) => {
    expect(await summaryOf(line, settings)).toBe(`For ${database}. ${database}`);
  });

  it('refuses a command of the other database', async () => {
    await expect(ask('mysql wal-push /wal')).rejects.toMatchObject({
      kind: 'usage',
      message: 'the command "wal-push" is for PostgreSQL',
      hint: 'Write "walvault pg wal-push".',
    });
    await expect(ask('pg binlog-push')).rejects.toThrow('the command "binlog-push" is for MySQL and MariaDB');
  });

  it('explains the one that is meant, and says where the other is explained', async () => {
    const text = async (line: string, settings = {}): Promise<string> => {
      const request = await ask(line, settings);
      return request.kind === 'text' ? request.text : '';
    };
    expect(await text('backup-push --help')).toContain('For postgres.');
    expect(await text('backup-push --help')).toContain('"walvault mysql backup-push --help"');
    expect(await text('help backup-push', mysql)).toContain('For mysql.');
    expect(await text('mysql backup-push --help')).toMatch(/Usage: walvault mysql backup-push/);
    const all = await text('mysql --help');
    expect(all).toContain('binlog-push');
    expect(all).not.toContain('wal-push');
    expect(await text('--help')).toMatch(/wal-push[^]*binlog-push[^]*"walvault mysql --help"/);
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

  it.each(allEntries())('$name has a help with examples and exit statuses', async ({ name, database }) => {
    const words = [...(database === undefined ? [] : [wordOf(database)]), ...name.split(' '), '--help'];
    const help = await dispatch(words, { name: 'walvault', entries: allEntries(), globals: {} });
    expect(help).toMatchObject({ kind: 'text', text: expect.stringMatching(/Examples:[^]*Exit statuses:/) as string });
  });

  it('belongs to a group that is described, when its name has several words', () => {
    const groups = allEntries().flatMap(({ name }) => name.split(' ').slice(0, -1).join(' ') || []);
    expect([...commandGroups.keys()].sort()).toEqual([...new Set(groups)].sort());
  });

  it('has a name of its own, or is the only one of that name for its database', () => {
    const entries = allEntries();
    for (const { name, database } of entries) {
      const same = entries.filter((other) => other.name === name);
      expect(same.length === 1 || same.filter((other) => other.database === database).length === 1, name).toBe(true);
      expect(same.length === 1 || same.every((other) => other.database !== undefined), name).toBe(true);
    }
  });
});
